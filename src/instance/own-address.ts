/**
 * Is this process the one that is reached at the addresses its mirror has for it (CFG-063)? A copy of an instance's directory believes to
 * be the original until it asks.
 */
import type { MemberDefinition } from '../mirror/mirror-set.ts';
import type { Network, Timers } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import { makeOpen } from '../protocol/opening.ts';

/** CFG-064: the two causes, told apart. */
export interface NotReached {
  readonly cause: 'another-instance' | 'nothing-answers';
  readonly text: string;
}

/** Both addresses together are tried for less time than the ISCAgent lets a process be without its socket. */
const answersWithinMs = 2000;

/** Null = it is reached, at the private or at the superserver address. */
export async function checkOwnAddress(
  network: Network,
  timers: Timers,
  mirror: string,
  { name, instance, superserver, privateAddress }: MemberDefinition,
  ownProcess: string,
): Promise<NotReached | null> {
  const open = makeOpen({ channel: 'member', mirror, member: name, instance });
  const met: string[] = [];
  let other: string | null = null;
  for (const host of new Set([privateAddress ?? superserver.host, superserver.host])) {
    const place = `${host}:${superserver.port}`;
    try {
      const connection = await network.dial(host, superserver.port, answersWithinMs);
      const opened = await openChannel(connection, open, answersWithinMs, timers);
      connection.destroy();
      if (opened.process === ownProcess) return null;
      other ??= place;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'unreachable' && code !== 'refused') throw error;
      if (code === 'refused') other ??= place;
      else met.push(message);
    }
  }
  if (other !== null) {
    const text = `another instance answers at ${other}, the address of member ${name}: this one is probably a copy of it`;
    return { cause: 'another-instance', text };
  }
  return { cause: 'nothing-answers', text: `nothing answers at the addresses of member ${name} (${met.join('; ')})` };
}
