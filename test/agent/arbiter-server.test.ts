import { afterEach, describe, expect, test } from '@jest/globals';
import { AgentNotes } from '../../src/agent/agent-notes.ts';
import { ArbiterServer } from '../../src/agent/arbiter-server.ts';
import type { Clock } from '../../src/host/host.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { silenceShareOfQos } from '../../src/mirror/limits.ts';
import { agentLogLine, type WriteAgentLog } from '../../src/mirror/log-messages.ts';
import type { FromArbiter, ToArbiter } from '../../src/mirror/messages.ts';
import type { Connection } from '../../src/network/network.ts';
import { openChannel } from '../../src/network/opening-exchange.ts';
import { ARBITER, decodeArbiterSession, decodeFromArbiter, encodeToArbiter } from '../../src/protocol/agent-channel.ts';
import type { EventRecord } from '../../src/protocol/control-channel.ts';
import type { Frame } from '../../src/protocol/frame.ts';
import { makeOpen } from '../../src/protocol/opening.ts';
import { caught, epochOf, network, TestHost } from './host.ts';

const about = { epoch: epochOf(3), term: 1 };

/** A failover member's end of an arbiter connection. */
class Member {
  readonly heard: FromArbiter[] = [];
  session = 0;
  closed: string | null = null;
  readonly #connection: Connection;
  #changed: () => void = () => {};

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onFrames((frames: readonly Frame[]) => {
      for (const frame of frames) {
        if (frame.kind === ARBITER.session) this.session = decodeArbiterSession(frame);
        else this.heard.push(decodeFromArbiter(frame));
      }
      this.#changed();
    });
    connection.onClosed((reason) => {
      this.closed = reason;
      this.#changed();
    });
  }

  say(message: ToArbiter): void {
    const { kind, body } = encodeToArbiter(message);
    this.#connection.send(kind, body);
  }

  leave(): void {
    this.#connection.destroy();
  }

  async until(fact: () => boolean): Promise<void> {
    const late = setTimeout(() => this.leave(), 5000);
    while (!fact()) {
      if (this.closed !== null) throw new Error(`closed: ${this.closed}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    clearTimeout(late);
  }

  hears(type: FromArbiter['type']): Promise<void> {
    return this.until(() => this.heard.some((message) => message.type === type));
  }
}

let host: TestHost;
afterEach(() => host.close());

async function join(member: string, qosTimeoutMs = 8000): Promise<Member> {
  const connection = await network.dial('127.0.0.1', host.port, 5000);
  await openChannel(connection, makeOpen({ channel: 'arbiter', mirror: 'DEMO', member, qosTimeoutMs }), 5000);
  const joined = new Member(connection);
  await joined.until(() => joined.session !== 0);
  return joined;
}

describe('an ISCAgent as arbiter', () => {
  test('AGT-014, FO-039: two members enter, one is lost, the other is told; all of it is noted', async () => {
    host = await new TestHost('').open();
    const [alpha, beta] = [await join('ALPHA'), await join('BETA')];
    expect([alpha.session, beta.session]).toEqual([700, 701]);
    expect(await host.ask({ type: 'status' })).toMatchObject({
      arbiterFor: [{ mirror: 'DEMO', members: ['ALPHA', 'BETA'] }],
    });
    alpha.say({ type: 'enter', ...about, session: alpha.session, otherSession: beta.session });
    await Promise.all([alpha.hears('entered'), beta.hears('entered')]);
    alpha.leave();
    beta.say({ type: 'peer-lost', ...about });
    await beta.hears('gone');
    expect(host.events.after(0).map(({ what, rules }) => [what, ...rules])).toEqual([
      ['ALPHA has a session', 'FO-033'],
      ['BETA has a session', 'FO-033'],
      ['arbiter controlled mode entered', 'FO-028'],
      ['lost ALPHA', 'FO-013'],
      ['told BETA that the other member is gone', 'FO-034', 'FO-039'],
    ]);
    expect(host.logged.join('\n')).toMatch(/told BETA that the other member is gone \(FO-034 FO-039\): mirror DEMO/);
  });

  test('FO-013: a member that says nothing loses its session, by the QoS timeout of its mirror', async () => {
    host = await new TestHost('').open();
    const [alpha, beta] = [await join('ALPHA', 60_000), await join('BETA', 200)];
    await alpha.until(() => alpha.heard.at(-1)?.type === 'keep-alive' && alpha.heard.length >= 3);
    expect(alpha.heard.at(-1)).toEqual({ type: 'keep-alive', otherConnected: false });
    expect(await caught(beta.until(() => false))).toMatchObject({ message: expect.stringContaining('closed') });
  });

  test('AGT-016: one that does not say which mirror or member is refused', async () => {
    host = await new TestHost('').open();
    for (const caller of [{ mirror: 'DEMO' }, { member: 'ALPHA' }]) {
      const connection = await network.dial('127.0.0.1', host.port, 5000);
      const refused = caught(openChannel(connection, makeOpen({ channel: 'arbiter', ...caller }), 5000));
      expect(await refused).toMatchObject({ code: 'refused' });
    }
  });

  test('a message that is none ends the session', async () => {
    host = await new TestHost('').open();
    const alpha = await join('ALPHA');
    alpha.say({ type: 'nonsense' } as unknown as ToArbiter);
    expect(await caught(alpha.until(() => false))).toMatchObject({ message: expect.stringContaining('closed') });
    expect(await host.ask({ type: 'status' })).toMatchObject({ arbiterFor: [] });
  });
});

describe('an arbiter whose process stood still', () => {
  test('FO-013: hears what waits in its sockets before it calls anybody silent', () => {
    const clock = new HandClock();
    const logged: string[] = [];
    const parts = {
      host: { ...nodeHost, clock },
      log: ((message, ...facts) => void logged.push(agentLogLine(message, ...facts).text)) as WriteAgentLog,
      events: { newest: 0, append: (event: Omit<EventRecord, 'number'>) => ({ ...event, number: 1 }), after: () => [] },
      firstSession: 1,
    };
    const server = new ArbiterServer(parts, new AgentNotes(parts));
    const [alpha, beta] = [new HandConnection(1), new HandConnection(2)];
    const open = { channel: 'arbiter', mirror: 'DEMO', qosTimeoutMs: 8000 } as const;
    server.accept(alpha, makeOpen({ ...open, member: 'ALPHA' }));
    server.accept(beta, makeOpen({ ...open, member: 'BETA' }));
    clock.advance(60_000);
    clock.ring();
    expect([alpha.isClosed, beta.isClosed]).toEqual([false, false]);
    alpha.say({ type: 'keep-alive' });
    beta.say({ type: 'keep-alive' });
    const silenceMs = 8000 * silenceShareOfQos;
    clock.advance(silenceMs / 2);
    clock.ring();
    alpha.say({ type: 'keep-alive' });
    expect([alpha.isClosed, beta.isClosed]).toEqual([false, false]);
    clock.advance(silenceMs / 2);
    clock.ring();
    expect([alpha.isClosed, beta.isClosed]).toEqual([false, true]);
    expect(logged.join('\n')).toMatch(/did not run for about 60000 ms/);
    server.close();
  });
});

class HandClock implements Clock {
  #nowMs = 1000;
  #timers: { readonly dueMs: number; readonly handler: () => void }[] = [];
  nowMs = (): number => this.#nowMs;
  wallMs = (): number => 0;
  after(ms: number, handler: () => void) {
    const timer = { dueMs: this.#nowMs + ms, handler };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((entry) => entry !== timer);
      },
    };
  }
  wait(): Promise<'elapsed'> {
    return Promise.resolve('elapsed');
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
  /** All timers that are due now; those they set are not. */
  ring(): void {
    const due = this.#timers.filter((timer) => timer.dueMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { handler } of due) handler();
  }
}

class HandConnection implements Connection {
  readonly id: number;
  readonly remote = 'member';
  readonly unsentBytes = 0;
  isClosed = false;
  #hear: (frames: readonly Frame[]) => void = () => {};
  constructor(id: number) {
    this.id = id;
  }
  say(message: ToArbiter): void {
    this.#hear([encodeToArbiter(message)]);
  }
  send(): void {}
  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.isClosed = true;
  }
  onFrames(handler: (frames: readonly Frame[]) => void): void {
    this.#hear = handler;
  }
  onNextFrame(): void {}
  onClosed(): void {}
}
