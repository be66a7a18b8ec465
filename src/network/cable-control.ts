/**
 * How a program of the operator reaches the cable of a lab: requests and answers as JSON frames on a local socket. One
 * request is answered at a time, in order.
 */
import { type Frame, FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { Cable, type CableStatus, type WirePlan } from './cable.ts';
import { type Connection, type Network, UnreachableError } from './network.ts';

const KIND = { request: 16, answer: 17 } as const;

export type CableRequest =
  | { readonly type: 'status' }
  | { readonly type: 'cut'; readonly a: string; readonly b: string; readonly oneWay: boolean }
  /** Without hosts: everything. */
  | { readonly type: 'heal'; readonly a?: string; readonly b?: string }
  /** Lay wires that are missing; the status then tells their ports. */
  | { readonly type: 'lay'; readonly wires: readonly WirePlan[] }
  | { readonly type: 'stop' };

export type CableAnswer =
  | { readonly ok: true; readonly status: CableStatus }
  | { readonly ok: false; readonly text: string };

export interface RunningCable {
  readonly cable: Cable;
  /** Resolves when somebody asked it to stop, and all is closed. */
  readonly stopped: Promise<void>;
  stop(): Promise<void>;
}

export interface CableOptions {
  readonly wires: readonly WirePlan[];
  readonly controlPath: string;
  readonly network: Network;
}

/** @throws AddressInUseError when another cable serves `controlPath`, or a port is taken. */
export async function runCable({ wires, controlPath, network }: CableOptions): Promise<RunningCable> {
  const cable = new Cable();
  let tellStopped = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    tellStopped = resolve;
  });
  const callers = new Set<Connection>();
  const stop = async (): Promise<void> => {
    cable.close();
    await listener.close();
    for (const caller of callers) caller.end();
    tellStopped();
  };
  const listener = await network.listenLocal(controlPath, (connection) => {
    callers.add(connection);
    connection.onClosed(() => callers.delete(connection));
    let turn = Promise.resolve();
    connection.onFrames((frames) => {
      for (const request of frames.map(readRequest)) {
        turn = turn.then(async () => {
          connection.send(KIND.answer, jsonBody(await answer(cable, request)));
          if (request.type === 'stop') await stop();
        });
      }
    });
  });
  try {
    await cable.lay(wires);
  } catch (error) {
    await stop();
    throw error;
  }
  return { cable, stopped, stop };
}

/** Ask a lab's cable. @throws UnreachableError when there is none, or it does not answer in time. */
export async function askCable(
  network: Network,
  controlPath: string,
  request: CableRequest,
  timeoutMs: number,
): Promise<CableAnswer> {
  const connection = await network.dialLocal(controlPath, timeoutMs);
  try {
    return await new Promise<CableAnswer>((resolve, reject) => {
      const deadline = setTimeout(() => {
        reject(new UnreachableError(`the cable at ${controlPath} did not answer in ${timeoutMs} ms`));
      }, timeoutMs);
      connection.onClosed((reason) => {
        clearTimeout(deadline);
        reject(new UnreachableError(`the cable at ${controlPath}: ${reason}`));
      });
      connection.onNextFrame((frame) => {
        clearTimeout(deadline);
        resolve(parseJsonBody(frame) as CableAnswer);
      });
      connection.send(KIND.request, jsonBody(request));
    });
  } finally {
    connection.destroy();
  }
}

async function answer(cable: Cable, request: CableRequest): Promise<CableAnswer> {
  if (request.type === 'cut' || request.type === 'heal') {
    for (const host of [request.a, request.b]) {
      if (host !== undefined && !cable.knows(host)) {
        return { ok: false, text: `no wire leads to or from ${host}; see the labels in the lab's status` };
      }
    }
  }
  if (request.type === 'cut') cable.cut(request.a, request.b, { oneWay: request.oneWay });
  if (request.type === 'heal') cable.heal(request.a, request.b);
  if (request.type === 'lay') {
    try {
      await cable.lay(request.wires);
    } catch (error) {
      return { ok: false, text: (error as Error).message };
    }
  }
  return { ok: true, status: cable.status() };
}

function readRequest(frame: Frame): CableRequest {
  const value = frame.kind === KIND.request ? parseJsonBody(frame) : null;
  const said = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<string, unknown>>;
  const { type, a, b, oneWay, wires } = said;
  if (type === 'status' || type === 'stop') return { type };
  if (type === 'cut' && typeof a === 'string' && typeof b === 'string') return { type, a, b, oneWay: oneWay === true };
  if (type === 'heal' && typeof a === 'string' && typeof b === 'string') return { type, a, b };
  if (type === 'heal' && a === undefined && b === undefined) return { type };
  if (type === 'lay' && Array.isArray(wires)) return { type, wires: wires as WirePlan[] };
  throw new FrameError('message', 'that is no request to a cable');
}
