/**
 * The terminal's end of the control channel: one request, one answer, progress in between. Commands use it too. It knows
 * no rule of the mirror; what the instance answers is handed on as it is.
 */

import type { StatusReport, VerificationReport } from '../mirror/status.ts';
import type { Connection, Network } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import type { Assessment } from '../protocol/assessment.ts';
import {
  type AnswerFrame,
  CONTROL,
  type ControlAnswers,
  type ControlRequest,
  type Description,
  type EventRecord,
  type MirrorLookup,
  type ProgressFrame,
  type RequestFrame,
  type RestorePlan,
} from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName, Outcome, Refusal } from '../protocol/control-commands.ts';
import { type Frame, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { makeOpen } from '../protocol/opening.ts';

/** The instance does not run, does not answer, or went away. Nothing that was asked has been done. */
export class NotReachableError extends Error {
  readonly code = 'not-reachable';
}

/** The instance went away while it carried something out. */
export class OutcomeUnknownError extends Error {
  readonly code = 'outcome-unknown';
}

/** The instance answered that it cannot carry out the request. */
export class RequestRefusedError extends Error {
  readonly code = 'request-refused';
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.text);
    this.refusal = refusal;
  }
}

export interface MirrorLookupRequest {
  readonly mirror: string;
  readonly agentAddress: string;
  readonly agentPort: number;
  readonly instance: string;
}

/** What can be asked of an instance. */
export interface Control {
  /** Which mirror of a reporting async in several is meant by what follows; undefined = it is not said. */
  mirror: string | undefined;
  status(): Promise<StatusReport>;
  describe(): Promise<Description>;
  /** With arguments: what the command would meet with them, and do; changes nothing. */
  assess<N extends CommandName>(command: N, given?: CommandArguments[N]): Promise<Assessment>;
  /** @throws OutcomeUnknownError when the instance goes away before it has answered. */
  perform<N extends CommandName>(
    command: N,
    given: CommandArguments[N],
    situation?: number,
    onProgress?: (text: string) => void,
  ): Promise<Outcome>;
  lookUpMirror(lookup: MirrorLookupRequest): Promise<MirrorLookup>;
  /** What a restore would do; changes nothing. */
  planRestore(given: Pick<CommandArguments['restore-databases'], 'from' | 'databases' | 'as'>): Promise<RestorePlan>;
  events(after?: number): Promise<readonly EventRecord[]>;
  close(): void;
}

/** A look-up asks another host's agent and may take its time; a status is at hand. */
const answerWithinMs = {
  status: 30_000,
  describe: 30_000,
  assess: 60_000,
  'plan-restore': 60_000,
  'look-up-mirror': 60_000,
  events: 30_000,
};

interface Waiting {
  readonly type: ControlRequest['type'];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: (text: string) => void;
  readonly deadline: NodeJS.Timeout | null;
}

/** @throws NotReachableError when nothing listens at `path` or it does not open the channel in time. */
export async function connectControl(network: Network, path: string, timeoutMs: number): Promise<ControlClient> {
  try {
    const connection = await network.dialLocal(path, timeoutMs);
    const opened = await openChannel(connection, makeOpen({ channel: 'control' }), timeoutMs);
    return new ControlClient(connection, opened.instance);
  } catch (error) {
    const cause = error as { code?: string; message?: string };
    if (cause.code !== 'unreachable' && cause.code !== 'refused') throw error;
    throw new NotReachableError(`the instance does not answer: ${cause.message}`, { cause: error });
  }
}

export class ControlClient implements Control {
  mirror: string | undefined;
  /** Name of the instance at the other end. */
  readonly instance: string;
  readonly #connection: Connection;
  readonly #waiting = new Map<number, Waiting>();
  #lastNumber = 0;
  #closedBecause: string | null = null;

  constructor(connection: Connection, instance: string) {
    this.instance = instance;
    this.#connection = connection;
    connection.onFrames((frames) => {
      for (const frame of frames) this.#receive(frame);
    });
    connection.onClosed((reason) => this.#closed(reason));
  }

  status(): Promise<StatusReport> {
    return this.request({ type: 'status' });
  }

  describe(): Promise<Description> {
    return this.request({ type: 'describe' });
  }

  assess<N extends CommandName>(command: N, given?: CommandArguments[N]): Promise<Assessment> {
    // As with `perform`: the signature keeps command and arguments together.
    const request = { type: 'assess', command, ...(given === undefined ? {} : { arguments: given }) };
    return this.request(request as ControlRequest & { type: 'assess' });
  }

  perform<N extends CommandName>(
    command: N,
    given: CommandArguments[N],
    situation?: number,
    onProgress?: (text: string) => void,
  ): Promise<Outcome> {
    // The union of all commands cannot be told from one command N here; the signature above keeps them together.
    const request = { type: 'perform', command, arguments: given, ...(situation === undefined ? {} : { situation }) };
    return this.request(request as ControlRequest & { type: 'perform' }, onProgress);
  }

  lookUpMirror(lookup: MirrorLookupRequest): Promise<MirrorLookup> {
    return this.request({ type: 'look-up-mirror', ...lookup });
  }

  planRestore(given: Parameters<Control['planRestore']>[0]): Promise<RestorePlan> {
    return this.request({ type: 'plan-restore', arguments: given });
  }

  verify(quick: boolean, withinMs: number, onProgress?: (text: string) => void): Promise<VerificationReport> {
    return this.request({ type: 'verify', quick, withinMs }, onProgress);
  }

  events(after = 0): Promise<readonly EventRecord[]> {
    return this.request({ type: 'events', after });
  }

  /** @throws NotReachableError, OutcomeUnknownError, RequestRefusedError. */
  request<R extends ControlRequest>(
    request: R,
    onProgress: (text: string) => void = () => {},
  ): Promise<ControlAnswers[R['type']]> {
    return new Promise((resolve, reject) => {
      if (this.#closedBecause !== null)
        return reject(new NotReachableError(`the instance is gone: ${this.#closedBecause}`));
      this.#lastNumber += 1;
      const number = this.#lastNumber;
      this.#waiting.set(number, {
        type: request.type,
        resolve: resolve as (answer: unknown) => void,
        reject,
        onProgress,
        deadline: this.#deadline(number, request.type),
      });
      this.#connection.send(
        CONTROL.request,
        jsonBody({
          number,
          request,
          ...(this.mirror === undefined ? {} : { mirror: this.mirror }),
        } satisfies RequestFrame),
      );
    });
  }

  close(): void {
    this.#connection.end();
  }

  #deadline(number: number, type: ControlRequest['type']): NodeJS.Timeout | null {
    if (type === 'perform' || type === 'verify') return null; // the instance counts, and tells when it gives up
    const ms = answerWithinMs[type];
    return setTimeout(() => {
      this.#take(number)?.reject(new NotReachableError(`the instance did not answer in ${ms / 1000} s`));
    }, ms);
  }

  #receive(frame: Frame): void {
    if (frame.kind === CONTROL.progress) {
      const { number, text } = parseJsonBody(frame) as unknown as ProgressFrame;
      this.#waiting.get(number)?.onProgress(text);
    } else if (frame.kind === CONTROL.answer) {
      const { number, answer, refusal } = parseJsonBody(frame) as unknown as AnswerFrame;
      const waiting = this.#take(number);
      if (refusal) waiting?.reject(new RequestRefusedError(refusal));
      else waiting?.resolve(answer);
    }
  }

  #take(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (waiting?.deadline) clearTimeout(waiting.deadline);
    return waiting;
  }

  #closed(reason: string): void {
    this.#closedBecause = reason;
    for (const number of [...this.#waiting.keys()]) {
      const waiting = this.#take(number);
      waiting?.reject(
        waiting.type === 'perform'
          ? new OutcomeUnknownError(
              `the instance went away before it answered (${reason}); start it, then look at its status and messages log`,
            )
          : new NotReachableError(`the instance is gone: ${reason}`),
      );
    }
  }
}
