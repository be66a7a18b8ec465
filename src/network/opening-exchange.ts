/**
 * The first two frames of a connection (protocol/opening.ts), said and heard: the dialling side opens, the listening side
 * decides. Frames that follow wait until the caller listens for them.
 */
import { FrameError, jsonBody } from '../protocol/frame.ts';
import {
  isRefused,
  OPENING,
  type Open,
  type Opened,
  type Refused,
  readOpen,
  readOpeningAnswer,
  refuse,
} from '../protocol/opening.ts';
import { type Connection, type Timers, UnreachableError } from './network.ts';

/** The other side answered, and will not go on with us. */
export class RefusedError extends Error {
  readonly code = 'refused';
  readonly refused: Refused;
  constructor(remote: string, refused: Refused) {
    super(`${remote} refuses: ${refused.text}`);
    this.name = 'RefusedError';
    this.refused = refused;
  }
}

const realTimers: Timers = {
  after(ms, handler) {
    const timer = setTimeout(handler, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * Open a channel on a dialled connection. On any failure the connection is closed.
 * @throws RefusedError; UnreachableError when no answer comes in time or the connection breaks.
 */
export async function openChannel(
  connection: Connection,
  open: Open,
  timeoutMs: number,
  timers: Timers = realTimers,
): Promise<Opened> {
  return await new Promise<Opened>((resolve, reject) => {
    const fail = (error: Error): void => {
      deadline.cancel();
      connection.destroy();
      reject(error);
    };
    const deadline = timers.after(timeoutMs, () => {
      fail(new UnreachableError(`${connection.remote} did not answer the opening in ${Math.round(timeoutMs)} ms`));
    });
    connection.onClosed((reason) => fail(new UnreachableError(`${connection.remote}: ${reason} before it answered`)));
    connection.onNextFrame((frame) => {
      const answer = readOpeningAnswer(frame);
      if (isRefused(answer)) return fail(new RefusedError(connection.remote, answer));
      deadline.cancel();
      resolve(answer);
    });
    connection.send(OPENING.open, jsonBody(open));
  });
}

export type Acceptance =
  | { readonly state: 'opened'; readonly open: Open; readonly opened: Opened }
  | { readonly state: 'refused'; readonly open: Open | null; readonly refused: Refused }
  /** Closed or silent before it said who it is. */
  | { readonly state: 'failed'; readonly reason: string };

/** Hear who calls on a connection taken, and answer as `decide` says. Unless 'opened' the connection is closed or closing. */
export async function acceptChannel(
  connection: Connection,
  decide: (open: Open) => Opened | Refused,
  timeoutMs: number,
  timers: Timers = realTimers,
): Promise<Acceptance> {
  return await new Promise<Acceptance>((resolve) => {
    const deadline = timers.after(timeoutMs, () => {
      connection.destroy();
      resolve({ state: 'failed', reason: `no opening in ${Math.round(timeoutMs)} ms` });
    });
    connection.onClosed((reason) => {
      deadline.cancel();
      resolve({ state: 'failed', reason });
    });
    connection.onNextFrame((frame) => {
      deadline.cancel();
      let open: Open | null = null;
      let answer: Opened | Refused;
      try {
        open = readOpen(frame);
        answer = decide(open);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        answer = refuse('not-understood', error.message);
      }
      if (isRefused(answer) || open === null) {
        const refused = isRefused(answer) ? answer : refuse('not-understood', 'no opening');
        connection.send(OPENING.refused, jsonBody(refused));
        connection.end();
        return resolve({ state: 'refused', open, refused });
      }
      connection.send(OPENING.opened, jsonBody(answer));
      resolve({ state: 'opened', open, opened: answer });
    });
  });
}
