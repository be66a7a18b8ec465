/**
 * `global TARGET transaction FILE|-`: lines of updates as one transaction. All is done or nothing: a line that cannot be done
 * rolls everything back.
 */
import type { Client, Session } from '../client/client.ts';
import type { WriteLevel } from '../protocol/client-channel.ts';
import { canonicalLiteral } from '../protocol/decimal.ts';
import { CommandFailure, failureOf, usage } from './failures.ts';
import { keyOf } from './global-target.ts';
import { parseDuration } from './target.ts';

/** What a line may say; the rest of it is what stands behind the first reference. */
const verbs: Readonly<Record<string, (session: Session, typed: string, rest: string) => Promise<void>>> = {
  set: (session, typed, rest) => session.set(keyOf(typed), Buffer.from(rest)),
  kill: async (session, typed, rest) => {
    nothingBehind(rest);
    await session.kill(keyOf(typed));
  },
  increment: async (session, typed, rest) => {
    const amount = canonicalLiteral(rest === '' ? '1' : rest);
    if (amount === null) throw usage(`"${rest}" is no number`);
    await session.increment(keyOf(typed), amount);
  },
  merge: async (session, typed, rest) => {
    await session.merge(keyOf(typed), keyOf(rest));
  },
  lock: async (session, typed, rest) => {
    const timeoutMs = rest === '' ? lockWaitMs : parseDuration(rest);
    if (await session.lock(keyOf(typed), { timeoutMs })) return;
    throw new Error(`${typed} is locked by somebody else, and was for ${timeoutMs / 1000} s`);
  },
};

const lockWaitMs = 10_000;
/** Lines that are sent before the first of them is answered. */
const underWayMax = 256;

interface LineUnderWay {
  readonly number: number;
  readonly done: Promise<void>;
}

/** Returns the number of lines done, all of them. @throws CommandFailure naming the line; nothing was done then */
export async function runTransaction(client: Client, text: string, level: WriteLevel): Promise<number> {
  const work = async (session: Session): Promise<number> => {
    const underWay: LineUnderWay[] = [];
    let done = 0;
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      // What others could see, or what later lines rely on, is done by itself: nothing before it may still fail.
      const isAlone = /^(lock|increment) /.test(line);
      if (isAlone) await settle(underWay, 0);
      const sent = { number: index + 1, done: perform(session, line.replace(/\r$/, '')) };
      sent.done.catch(() => undefined);
      underWay.push(sent);
      done += 1;
      await settle(underWay, isAlone ? 0 : underWayMax);
    }
    await settle(underWay, 0);
    return done;
  };
  return await client.transaction(work, { level });
}

/** Wait for the oldest lines, until at most so many are left. */
async function settle(underWay: LineUnderWay[], leftMax: number): Promise<void> {
  while (underWay.length > leftMax) {
    const { number, done } = underWay.shift() as LineUnderWay;
    try {
      await done;
    } catch (error) {
      const { exitCode, message } = failureOf(error);
      throw new CommandFailure(exitCode, `line ${number}: ${message}; the transaction was rolled back`);
    }
  }
}

async function perform(session: Session, line: string): Promise<void> {
  const verb = line.slice(0, line.indexOf(' ') < 0 ? line.length : line.indexOf(' '));
  const run = verbs[verb];
  if (run === undefined) throw usage(`"${verb}" is none of ${Object.keys(verbs).join(', ')}`);
  const [typed, rest] = splitReference(line.slice(verb.length + 1));
  if (typed === '') throw usage(`${verb} wants a reference`);
  await run(session, typed, rest);
}

/** The reference ends at the first space outside quotes and parentheses; what is behind it is taken as it is. */
function splitReference(text: string): [reference: string, rest: string] {
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (letter === '(') depth += 1;
    else if (letter === ')') depth -= 1;
    else if (letter === ' ' && depth === 0) return [text.slice(0, at), text.slice(at + 1)];
  }
  return [text, ''];
}

function nothingBehind(rest: string): void {
  if (rest.trim() !== '') throw usage(`"${rest}" does not belong here`);
}
