import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type OpenEventsLog, openEventsLog } from '../../src/host/events-log.ts';
import { DecisionNotes, type Note } from '../../src/instance/decision-notes.ts';

let directory: string;
let events: OpenEventsLog;
let wallMs: number;
let notes: DecisionNotes;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-notes-'));
  events = openEventsLog(join(directory, 'events.jsonl'));
  wallMs = 1_000_000;
  notes = new DecisionNotes({ events, member: 'B', wallMs: () => (wallMs += 1000) });
});
afterEach(() => {
  events.close();
  rmSync(directory, { recursive: true, force: true });
});

function take(what: string, facts: Note['facts'] = {}, isAttempt = false): void {
  notes.take({ type: 'note', what, rules: ['FO-022'], facts, isAttempt });
}

const whats = () => events.after(0).map(({ what }) => what);

test('FO-022: of attempts that repeat the first is kept, until something else happens or the facts differ', () => {
  for (const waitedMs of [1, 2, 3]) take('did not take over', { isPrimary: true, waitedMs, term: waitedMs }, true);
  take('did not take over', { isPrimary: false }, true);
  take('took nobody in', {}, true);
  take('did not take over', { isPrimary: true }, true);
  expect(whats()).toEqual(['did not take over', 'did not take over', 'took nobody in']);
  take('lost C');
  take('lost C');
  take('did not take over', { isPrimary: true }, true);
  expect(whats().slice(3)).toEqual(['lost C', 'lost C', 'did not take over']);
});

test('FO-025: a member that was not active says since when, also over its restarts', () => {
  const since = () => events.after(0).at(-1)?.facts.notActiveSince;
  take('did not take over', { wasActive: false });
  expect(since()).toBe('it joined (never active)');
  take('is active');
  take('is no longer active');
  const { at } = events.after(0).at(-1) as { at: string };
  take('lost the primary', { wasActive: true });
  expect(since()).toBeUndefined();
  notes = new DecisionNotes({ events, member: 'B', wallMs: () => (wallMs += 1000) });
  take('fetches journal data from the agent', { wasActive: false });
  expect(since()).toBe(at);
});
