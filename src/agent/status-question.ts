/** Asks an instance of this host for its status over its control socket, and tells silence from absence. */
import type { StatusReport } from '../mirror/status.ts';
import type { Network } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import { type AnswerFrame, CONTROL, type RequestFrame } from '../protocol/control-channel.ts';
import { FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { makeOpen } from '../protocol/opening.ts';

export type StatusAnswer =
  /** It answered; without a report when it refused to give one. */
  | { readonly state: 'answered'; readonly report: StatusReport | null }
  | { readonly state: 'silent' }
  /** Nobody listens, or the connection broke: it begins, or it ends. */
  | { readonly state: 'absent' };

const ABSENT_CODES: readonly string[] = ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'];

export async function askStatus(network: Network, path: string, limitMs: number): Promise<StatusAnswer> {
  const endMs = performance.now() + limitMs;
  const restMs = (): number => Math.max(1, endMs - performance.now());
  try {
    const connection = await network.dialLocal(path, limitMs);
    let closed = false;
    connection.onClosed(() => {
      closed = true;
    });
    try {
      await openChannel(connection, makeOpen({ channel: 'control' }), restMs());
    } catch (error) {
      if ((error as { code?: string }).code === 'refused') return { state: 'answered', report: null };
      // When the time was up it is this side that closes, and `closed` comes later.
      return { state: closed ? 'absent' : 'silent' };
    }
    if (closed) return { state: 'absent' };
    return await new Promise<StatusAnswer>((resolve) => {
      const settle = (answer: StatusAnswer): void => {
        clearTimeout(deadline);
        resolve(answer);
        connection.destroy();
      };
      const deadline = setTimeout(() => settle({ state: 'silent' }), restMs());
      connection.onClosed(() => settle({ state: 'absent' }));
      connection.onNextFrame((frame) => {
        const { answer } = parseJsonBody(frame) as AnswerFrame;
        settle({ state: 'answered', report: (answer as StatusReport | undefined) ?? null });
      });
      const request: RequestFrame = { number: 1, request: { type: 'status' } };
      connection.send(CONTROL.request, jsonBody(request));
    });
  } catch (error) {
    if (error instanceof FrameError) return { state: 'answered', report: null };
    const fault = error as { code?: string; cause?: { code?: string } };
    if (fault.code !== 'unreachable') throw error;
    return ABSENT_CODES.includes(fault.cause?.code ?? '') ? { state: 'absent' } : { state: 'silent' };
  }
}
