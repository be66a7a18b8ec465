/**
 * The ISCAgent at work: takes connections, hears who calls, answers requests one after another on each connection, and hands
 * failover members that want an arbiter to the arbiter.
 */
import { readEvents } from '../host/events-log.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import { NO_EPOCH } from '../mirror/terms.ts';
import type { Connection, Listener } from '../network/network.ts';
import { acceptChannel } from '../network/opening-exchange.ts';
import {
  AGENT,
  type AgentAnswerFrame,
  type AgentRequest,
  type AgentStatus,
  decodeAgentRequest,
  type EventsTold,
  encodeAgentAnswer,
  encodeJournalChunk,
  eventsToldMax,
  type MirrorInformation,
  numberOfRequest,
} from '../protocol/agent-channel.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import { type Frame, FrameError } from '../protocol/frame.ts';
import { type Answerer, agree, type Open, type Opened, type Refused, refuse } from '../protocol/opening.ts';
import { AgentNotes } from './agent-notes.ts';
import { ArbiterServer } from './arbiter-server.ts';
import { answerDownQuestion, removalOfCaller } from './down.ts';
import { Instances } from './instances.ts';
import { JournalOutlet } from './journal-outlet.ts';
import type { AgentParts } from './parts.ts';
import { RequestError } from './request-error.ts';

type EventsQuestion = Extract<AgentRequest, { type: 'tell-events' }>;

/** Who connects says who it is within this time. */
const openingLimitMs = 10_000;

const ANSWERER: Answerer = {
  channels: ['agent', 'arbiter'],
  mirror: null,
  member: '',
  instance: '',
  epoch: NO_EPOCH,
  requireTls: false,
};

export class AgentDriver {
  readonly #parts: AgentParts;
  readonly #instances: Instances;
  readonly #arbiter: ArbiterServer;
  readonly #notes: AgentNotes;
  readonly #connections = new Set<Connection>();
  #listener: Listener | null = null;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#instances = new Instances(parts);
    this.#notes = new AgentNotes(parts);
    this.#arbiter = new ArbiterServer(parts, this.#notes);
  }

  /** @throws AddressInUseError, AddressUnavailableError. */
  async listen(address: string, port: number): Promise<void> {
    this.#listener = await this.#parts.network.listen(address, port, (connection) => void this.#take(connection));
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    this.#arbiter.close();
    for (const connection of this.#connections) connection.destroy();
  }

  async #take(connection: Connection): Promise<void> {
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
    const accepted = await acceptChannel(connection, decideOpening, openingLimitMs);
    if (accepted.state === 'refused') {
      this.#parts.log('caller-refused', { remote: connection.remote, because: accepted.refused.text });
    } else if (accepted.state === 'opened') {
      if (accepted.open.channel === 'arbiter') this.#arbiter.accept(connection, accepted.open);
      else this.#serve(connection, accepted.open);
    }
  }

  #serve(connection: Connection, caller: Open): void {
    const outlet = new JournalOutlet(this.#parts, this.#instances);
    connection.onClosed(() => outlet.close());
    const next = (): void => {
      if (connection.isClosed) return outlet.close();
      connection.onNextFrame((frame) => void this.#answer(connection, caller, outlet, frame).then(next));
    };
    next();
  }

  /** Whatever goes wrong concerns this request: the agent lives on. */
  async #answer(connection: Connection, caller: Open, outlet: JournalOutlet, frame: Frame): Promise<void> {
    let request: AgentRequest;
    try {
      request = decodeAgentRequest(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      const text = `the request is not understood (${error.message}); bring both sides to the same release`;
      send(connection, { number: numberOfRequest(frame), error: { reason: 'not-understood', text } });
      return;
    }
    try {
      await this.#carryOut(connection, caller, outlet, request);
    } catch (error) {
      send(connection, { number: request.number, ...this.#failure(request, error) });
    }
  }

  async #carryOut(connection: Connection, caller: Open, outlet: JournalOutlet, request: AgentRequest): Promise<void> {
    const { number } = request;
    if (request.type === 'status') return send(connection, { number, answer: await this.#status() });
    if (request.type === 'tell-events') return send(connection, { number, answer: await this.#tellEvents(request) });
    const instances = this.#instances;
    const name = instances.named(request.instance);
    switch (request.type) {
      case 'confirm-down':
      case 'force-down':
      case 'look-down': {
        const settle = () => answerDownQuestion(this.#parts, this.#notes, instances, name, request, caller);
        return send(connection, { number, answer: await instances.inTurn(name, settle) });
      }
      case 'tell-mirror':
        return send(connection, { number, answer: await this.#tellMirror(name, request.mirror) });
      case 'offer-journal': {
        const { mirror, set } = await this.#mirrorFor(caller, name, request.mirror);
        const offer = outlet.offer(name, mirror, request);
        return send(connection, { number, answer: set === null ? offer : { ...offer, mirrorSet: set } });
      }
      case 'read-journal': {
        const { mirror } = await this.#mirrorFor(caller, name, request.mirror);
        const { bytes, ...head } = outlet.read(name, mirror, request);
        return connection.send(AGENT.journalChunk, encodeJournalChunk({ number, ...head }, bytes));
      }
      default:
        request satisfies never;
    }
  }

  #failure(request: AgentRequest, error: unknown): Pick<AgentAnswerFrame, 'answer' | 'error'> {
    if (error instanceof RequestError) return { error: { reason: error.reason, text: error.message } };
    const { message } = error as Error;
    this.#parts.log('request-failed', { request: request.type, reason: message });
    if (request.type === 'confirm-down' || request.type === 'force-down' || request.type === 'look-down') {
      return { answer: { says: 'nothing', reason: message } };
    }
    const reasons = { 'tell-mirror': 'no-mirror', 'tell-events': 'no-events' } as const;
    const reason = reasons[request.type as keyof typeof reasons] ?? 'no-journal';
    return { error: { reason, text: `the agent failed: ${message}; see iscagent.log on that host` } };
  }

  /** A configuration that cannot be read says nothing against the mirror that is asked about. */
  async #mirrorFor(caller: Open, name: string, asked: string): Promise<{ mirror: string; set: MirrorSet | null }> {
    const set = (await this.#instances.firstMembership(name, asked))?.set ?? null;
    if (set !== null && removalOfCaller(set, caller) !== undefined) {
      throw new RequestError('removed', `${caller.member} was removed from mirror ${set.name} (CFG-069)`);
    }
    return { mirror: set?.name ?? asked.toUpperCase(), set };
  }

  /** CFG-028. */
  async #tellMirror(name: string, mirror: string): Promise<MirrorInformation> {
    const found = await this.#instances.membership(name, mirror);
    if (found === null) {
      throw new RequestError(
        'no-mirror',
        `the configuration of instance ${name} cannot be read; see iscagent.log there`,
      );
    }
    const { report } = await this.#instances.observe(name, found.set.settings.qosTimeoutMs);
    // The report is on the first of its mirrors.
    const primary = found.isFurther ? null : (report?.primary ?? null);
    return { mirrorSet: found.set, member: found.member, primary };
  }

  /** What is in the files: an instance that is down tells through its agent what it did. */
  async #tellEvents({ instance, mirror, after, countMax }: EventsQuestion): Promise<EventsTold> {
    const count = Math.min(countMax, eventsToldMax);
    const newer = count === 0 ? [] : await this.#eventsAfter(instance, mirror, after);
    const events = newer.slice(0, count);
    return { events, more: newer.length > events.length, wallMs: this.#parts.host.clock.wallMs() };
  }

  /** @throws RequestError. */
  async #eventsAfter(instance: string, mirror: string, after: number): Promise<readonly EventRecord[]> {
    if (instance === '') return this.#notes.about(mirror, after);
    const name = this.#instances.named(instance);
    const found = await this.#instances.membership(name, mirror);
    return readEvents(found?.events ?? this.#instances.paths(name).events, after, Number.POSITIVE_INFINITY);
  }

  async #status(): Promise<AgentStatus> {
    const { host, version } = this.#parts;
    const states = { 'serves-as-primary': 'up', serves: 'up', hung: 'hung', dead: 'down' } as const;
    const instances = this.#instances.names().map(async (name) => {
      const { state, process } = await this.#instances.observe(name);
      return { name, state: states[state], pid: process?.pid ?? null };
    });
    const { address = '*', port = 0 } = this.#listener ?? {};
    return {
      version,
      pid: host.processes.self.pid,
      address,
      port,
      instances: await Promise.all(instances),
      arbiterFor: this.#arbiter.mirrors,
    };
  }
}

function decideOpening(open: Open): Opened | Refused {
  const answer = agree(open, ANSWERER);
  if (open.channel !== 'arbiter' || 'reason' in answer) return answer;
  if (open.mirror === '') return refuse('mirror', 'an arbiter must be told the mirror');
  if (open.member === '') return refuse('member', 'an arbiter must be told the member');
  return answer;
}

function send(connection: Connection, answer: AgentAnswerFrame): void {
  const { kind, body } = encodeAgentAnswer(answer);
  connection.send(kind, body);
}
