/**
 * One prompt on a terminal, drawn by inquirer: line editing, history with the arrow keys, Ctrl-D. Loaded only when there
 * is a terminal, because it takes its time. Keys come from the gate in tty-answers.ts, never from standard input itself.
 */

import type { Interface } from 'node:readline';
import { createPrompt, isEnterKey, useEffect, useKeypress, useState } from '@inquirer/core';

export interface LinePromptConfig {
  readonly prompt: string;
  /** Newest first. */
  readonly history: readonly string[];
  /** Told at once when the prompt has its answer, before inquirer says so. */
  readonly onSettled: () => void;
  readonly onTyped: (line: string) => void;
}

/** Resolves with the line, or with null for Ctrl-D on an empty line. */
export const linePrompt = createPrompt<string | null, LinePromptConfig>((config, done) => {
  const [value, setValue] = useState('');
  const settle = (answer: string | null): void => {
    config.onSettled();
    done(answer);
  };
  useEffect((rl) => {
    // Readline walks through its own list with the arrow keys and keeps the draft.
    (rl as unknown as Interface & { history: string[] }).history = [...config.history];
    // Readline closes itself at Ctrl-D on an empty line, and inquirer would wait for ever.
    rl.on('close', () => settle(null));
  }, []);
  useKeypress((key, rl) => {
    if (isEnterKey(key)) {
      settle(value);
      return;
    }
    setValue(rl.line);
    config.onTyped(rl.line);
  });
  return `${config.prompt}${value}`;
});
