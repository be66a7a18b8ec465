/**
 * What a person is shown before a promotion (FO-080..082): how far the journal of each member goes that can be asked, itself or through its
 * agent, and what would be lost: where that begins, how much it is, and which databases it is of, as far as somebody hands out the
 * journal that holds it. What nobody can say is said, too. Asks, and changes nothing.
 */
import type { JournalPart } from '../journal/journal.ts';
import { otherAsyncs, presentList } from '../mirror/failover-members.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import {
  furthestBehind,
  isBefore,
  lossAgainst,
  type OfferedJournal,
  place,
  printPlace,
} from '../mirror/loss-report.ts';
import { type MemberDefinition, memberNamed } from '../mirror/mirror-set.ts';
import type { JournalPlace } from '../mirror/terms.ts';
import { type AgentCall, askAgent, fetchJournal, type JournalOfInstance } from '../network/agent-client.ts';
import type { LossReport, LostContent, MemberStanding, PromotionReport } from '../protocol/assessment.ts';
import { makeOpen } from '../protocol/opening.ts';
import type { InstanceDaemon, MirrorMember } from './parts.ts';

/** An operator waits for the answers. */
const answersWithinMs = 3000;
/** Of what would be lost so much is read to say what it is. */
const readBytesMax = 64 * 1024 * 1024;

interface Asked {
  readonly standing: MemberStanding;
  readonly offer: OfferedJournal | null;
  /** Who hands out its journal. */
  readonly source: { readonly call: AgentCall; readonly about: JournalOfInstance } | null;
}

export async function reportPromotion(daemon: InstanceDaemon, member: MirrorMember): Promise<PromotionReport> {
  const { state, journal } = member;
  const primary = state.role === 'attached' ? (state.attachment?.to ?? null) : null;
  const own: OfferedJournal = { history: journal.history, end: journal.end };
  const nobody = { primary, own: place(own.end), newest: place(own.end), records: 0 };
  if (primary !== null) return { ...nobody, members: [], unreachable: [], gathered: null, loss: null };
  const failover = presentList(state).names;
  const asyncs = [...otherAsyncs(state), ...(state.settings.reporting ?? [])].filter((name) => name !== state.self);
  const asked = new Map<string, Asked>();
  const ask = async (name: string, isAsync: boolean): Promise<void> =>
    void asked.set(name, await standingOf(daemon, name, isAsync));
  await Promise.all([...failover.map((name) => ask(name, false)), ...asyncs.map((name) => ask(name, true))]);
  const offers = new Map([...asked].map(([name, { offer }]) => [name, offer]));
  const known = lossAgainst(own, offers);
  const from = furthestBehind(own, new Map(asyncs.map((name) => [name, offers.get(name) ?? null])));
  const has = (from === null ? null : offers.get(from)) ?? own;
  const loss = lossAgainst(has, offers);
  const members = [...failover, ...asyncs].map((name) => (asked.get(name) as Asked).standing);
  return {
    ...nobody,
    newest: known.upTo,
    records: known.records,
    members,
    unreachable: failover.filter((name) => asked.get(name)?.standing.agentSays === 'no-answer'),
    gathered: from === null ? null : { from, upTo: place(has.end) },
    loss: loss.at === null ? null : await lossReport(daemon, loss, asked.get(loss.at) as Asked, [own.end, has.end]),
  };
}

async function lossReport(
  daemon: InstanceDaemon,
  { at, upTo, records, ...from }: ReturnType<typeof lossAgainst>,
  { source }: Asked,
  ends: readonly JournalPosition[],
): Promise<LossReport> {
  // The files of members are equal: where one journal ends, another goes on at the same place.
  const begin =
    ends.find((end) => end.epoch === from.epoch && end.sequence === from.sequence) ??
    daemon.member?.journal.locate(from.epoch, from.sequence);
  const isReadable = source !== null && begin != null;
  const content = isReadable ? await readContent(daemon, source, begin, upTo) : null;
  return { from: place(from), upTo, records, at: at ?? '', content };
}

/** Null = what is lost is known to be there, and nobody reads it to us. */
async function readContent(
  daemon: InstanceDaemon,
  { call, about }: NonNullable<Asked['source']>,
  begin: JournalPosition,
  upTo: JournalPlace,
): Promise<LostContent | null> {
  const counted = new ContentCount();
  let bytes = 0;
  try {
    for await (const chunk of fetchJournal(daemon.network, call, about, begin, undefined, daemon.host.clock)) {
      bytes += chunk.bytes.length;
      for (const part of daemon.readParts(chunk)) counted.add(part);
      const isWhole = !isBefore(chunk.to, upTo);
      if (isWhole || bytes >= readBytesMax) return counted.result(isWhole);
    }
    return counted.result(true);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'unreachable' && code !== 'agent-refused' && code !== 'journal-damaged') throw error;
    return null;
  }
}

/** Updates of a group belong to one transaction; any other is one by itself. */
class ContentCount {
  readonly #databases = new Map<string, number>();
  #transactions = 0;
  #single = 0;
  #inGroup = false;

  add(part: JournalPart): void {
    const { kind, database, continues } = part;
    if (kind !== 'sets' && kind !== 'set' && kind !== 'kill') return;
    const count = kind === 'sets' ? part.count : 1;
    this.#databases.set(database, (this.#databases.get(database) ?? 0) + count);
    if (continues && !this.#inGroup) this.#transactions += 1;
    // The first of those that do not go on ends the group.
    if (!continues) this.#single += this.#inGroup ? count - 1 : count;
    this.#inGroup = continues;
  }

  result(isWhole: boolean): LostContent {
    const databases = [...this.#databases].map(([name, updates]) => ({ name, updates }));
    return { transactions: this.#transactions, singleUpdates: this.#single, databases, isWhole };
  }
}

async function standingOf(daemon: InstanceDaemon, name: string, isAsync: boolean): Promise<Asked> {
  const { mirrorSet } = daemon.configuration.get();
  const definition = mirrorSet === null ? undefined : memberNamed(mirrorSet, name);
  const unknown = { standing: silent(name), offer: null, source: null };
  if (definition === undefined) return unknown;
  try {
    return isAsync ? await askInstance(daemon, definition) : await askAgentOf(daemon, definition);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'unreachable' && code !== 'agent-refused') throw error;
    return isAsync ? await askForJournal(daemon, definition).catch(() => unknown) : unknown;
  }
}

function silent(name: string): MemberStanding {
  return { name, agentSays: 'no-answer', wasPrimary: false, end: null };
}

function callOf(daemon: InstanceDaemon, { agent, superserver, privateAddress }: MemberDefinition, isAgent: boolean) {
  const { member, mirrorSet, instance } = daemon.configuration.get();
  const channel = isAgent ? 'agent' : 'journal';
  const open = makeOpen({ channel, mirror: mirrorSet?.name ?? '', member: member ?? '', instance });
  const at = isAgent ? agent : { ...superserver, host: privateAddress ?? superserver.host };
  return { ...at, timeoutMs: answersWithinMs, open };
}

/** An async that runs answers for its own journal. */
async function askInstance(daemon: InstanceDaemon, definition: MemberDefinition): Promise<Asked> {
  const call = callOf(daemon, definition, false);
  const about = { instance: definition.instance, mirror: call.open.mirror, incarnation: 0 };
  const offer = await askAgent(daemon.network, call, { ...about, type: 'offer-journal' }, daemon.host.clock);
  const { name } = definition;
  const agentSays = offer.primary == null ? 'answers' : 'has-primary';
  return {
    standing: { name, agentSays, wasPrimary: false, end: place(offer.end) },
    offer,
    source: { call, about },
  };
}

/** Whatever its agent has, of an async that does not run. */
async function askForJournal(daemon: InstanceDaemon, definition: MemberDefinition, incarnation = 0): Promise<Asked> {
  const call = callOf(daemon, definition, true);
  const about = { instance: definition.instance, mirror: call.open.mirror, incarnation };
  const offer = await askAgent(daemon.network, call, { ...about, type: 'offer-journal' }, daemon.host.clock);
  const standing = { ...silent(definition.name), agentSays: 'down', end: place(offer.end) } as const;
  return { standing, offer, source: { call, about } };
}

async function askAgentOf(daemon: InstanceDaemon, definition: MemberDefinition): Promise<Asked> {
  const { name, instance } = definition;
  const call = callOf(daemon, definition, true);
  const epoch = daemon.member?.state.record.epoch ?? { number: 0, owner: '', lineage: '' };
  const asked = { instance, mirror: call.open.mirror, type: 'look-down', requester: call.open.member, epoch } as const;
  const answer = await askAgent(daemon.network, call, asked, daemon.host.clock);
  const none = { offer: null, source: null };
  if (answer.says === 'running') {
    return { standing: { ...silent(name), agentSays: answer.primary ? 'is-primary' : 'running' }, ...none };
  }
  if (answer.says !== 'down') return { standing: silent(name), ...none };
  const { incarnation = 0, primaryOfEpoch: wasPrimary = false } = answer.record ?? {};
  const down = await askForJournal(daemon, definition, incarnation);
  return { ...down, standing: { ...down.standing, wasPrimary } };
}

/** Goes into events, messages log and, with a promotion by force, into the record. */
export function evidenceOf(report: PromotionReport, partner: string | null): string {
  const { own, newest, records, members, unreachable, gathered, loss } = report;
  const said = members.map(
    ({ name, agentSays, end }) => `${name} ${agentSays}${end === null ? '' : ` ${printPlace(end)}`}`,
  );
  return [
    `partner ${partner ?? 'automatic'}`,
    `own journal up to ${printPlace(own)}`,
    `newest known ${printPlace(newest)} (${records} records more)`,
    ...(gathered === null ? [] : [`${gathered.from} has data up to ${printPlace(gathered.upTo)}`]),
    ...(loss === null ? [] : [`lost without a partner: ${lossText(loss)}`]),
    `members: ${said.join(', ') || 'none asked'}`,
    `not reached: ${unreachable.join(', ') || 'none'}`,
  ].join('; ');
}

/** In one line: how much, and of what. */
export function lossText({ from, upTo, records, at, content }: LossReport): string {
  const range = `${records} records behind ${printPlace(from)} up to ${printPlace(upTo)}, which ${at} has`;
  if (content === null) return `${range}; they cannot be read`;
  const of = content.databases.map(({ name, updates }) => `${name} ${updates}`).join(', ') || 'none';
  const least = content.isWhole ? '' : 'at least ';
  return `${range}: ${least}${content.transactions} transactions and ${content.singleUpdates} single updates; updates by database: ${of}`;
}
