/** `caretmirror events`: what an instance noted, or (`--all`) what the members, their agents and the arbiter did. */
import type { Command } from 'commander';
import { readConfiguration } from '../host/configuration-file.ts';
import { readEvents } from '../host/events-log.ts';
import { homePaths } from '../host/home.ts';
import { configurationAt, membershipPaths, placeOf } from '../host/memberships.ts';
import type { Address, MirrorSet } from '../mirror/mirror-set.ts';
import { fetchEvents } from '../network/agent-client.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import { makeOpen } from '../protocol/opening.ts';
import { failed, failureOf, usage } from './failures.ts';
import {
  askInstance,
  configurationFor,
  findInstance,
  type Instance,
  listInstances,
  lockHolder,
  onlyInstance,
} from './instances.ts';
import { findLab } from './lab-building.ts';
import { hostLabelled, members } from './lab-plan.ts';
import { json } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';
import { parseDuration, parseWhole } from './target.ts';
import {
  type ClockMeasurement,
  clockOffsetNote,
  mergeTimeline,
  ownClock,
  type Source,
  type TimelineEntry,
} from './timeline.ts';

const followMs = 250;
/** Files are read anew each time. */
const followAllMs = 1000;
const agentTimeoutMs = 3000;

interface Options {
  readonly all: boolean;
  readonly json: boolean;
  readonly follow: boolean;
  readonly after: string;
  readonly rule?: string;
  readonly since?: string;
}

export const defineEvents: DefineGroup = (group: Command, surroundings) => {
  group
    .argument('[name]', 'the instance; not needed where there is one')
    .option('--all', 'of all members, their agents and the arbiter, by the clock of this host', false)
    .option('--json', 'one JSON document; with --follow one a line', false)
    .option('--follow', 'go on with those to come, until Ctrl-C', false)
    .option('--after <number>', 'only events with a higher number (not with --all)', '0')
    .option('--rule <id>', 'only those of this rule, FO-027')
    .option('--since <time>', 'only the last 10m, 60s, or those since a date (2026-01-31T12:00:00Z)')
    .action(async (name: string | undefined, options: Options) => {
      const here = await surroundings();
      if (options.all) await printAll(here, name, options);
      else await printOne(here, onlyInstance(here, name), options);
    });
};

async function printOne(here: Surroundings, instance: Instance, options: Options): Promise<void> {
  let after = parseWhole(options.after, '--after', 0, Number.MAX_SAFE_INTEGER);
  const isWanted = wanted(here, options);
  const first = await eventsOf(here, instance, after);
  const print = (events: readonly EventRecord[]) =>
    here.print(
      events
        .filter((event) => isWanted(event, event.at))
        .map((event) => (options.json ? json(event) : eventLine(event)))
        .join(''),
    );
  if (options.json && !options.follow) here.print(json(first.filter((event) => isWanted(event, event.at))));
  else print(first);
  after = first.at(-1)?.number ?? after;
  while (options.follow) {
    await here.host.clock.wait(followMs);
    const next = await eventsOf(here, instance, after);
    print(next);
    after = next.at(-1)?.number ?? after;
  }
}

/** @throws CommandFailure (usage) */
function wanted(here: Surroundings, options: Options): (event: EventRecord, at: string) => boolean {
  const { rule, since } = options;
  const isDate = since !== undefined && /^\d{4}-/.test(since);
  const fromMs = since === undefined ? 0 : isDate ? Date.parse(since) : here.host.clock.wallMs() - parseDuration(since);
  if (Number.isNaN(fromMs)) throw usage(`"${since}" is no time: 10m, 60s, or a date as 2026-01-31T12:00:00Z`);
  return ({ rules }, at) => Date.parse(at) >= fromMs && (rule === undefined || rules.includes(rule.toUpperCase()));
}

/** Of an instance that is down or hung, what its file says. */
export async function eventsOf(here: Surroundings, instance: Instance, after: number): Promise<readonly EventRecord[]> {
  if (lockHolder(here, instance) === null) return readEvents(instance.paths.events, after);
  try {
    return await askInstance(here, instance, (control) => control.events(after));
  } catch (error) {
    if ((error as { code?: string }).code !== 'not-reachable') throw error;
    return readEvents(instance.paths.events, after);
  }
}

function eventLine({ at, member, what, rules, facts }: EventRecord): string {
  return `${at}  ${member}  ${what}${evidence({ rules, facts })}\n`;
}

function evidence({ rules, facts }: Pick<EventRecord, 'rules' | 'facts'>): string {
  const seen = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  const because = [rules.join(', '), seen.join(', ')].filter((part) => part !== '').join('; ');
  return because === '' ? '' : `  (${because})`;
}

/** A place where events are kept: on this host by its file, on another one through its agent. */
interface Place {
  readonly source: string;
  readonly clock: string;
  /** Null = a file of this home. */
  readonly agent: Address | null;
  /** Empty = the agent's own. */
  readonly instance: string;
  readonly mirror: string;
}

async function printAll(here: Surroundings, name: string | undefined, options: Options): Promise<void> {
  const { surroundings, instance } = standpoint(here, name);
  const { mirrorSet } = await configurationFor(surroundings, instance);
  if (mirrorSet === null)
    throw failed(`instance ${instance.name} is in no mirror; use "caretmirror events" without --all`);
  const places = placesOf(mirrorSet, await membersHere(surroundings, mirrorSet.name));
  const localClocks = places.filter(({ agent }) => agent === null).map(({ clock }) => clock);
  const isWanted = wanted(here, options);
  const printed = new Map<string, number>();
  let silentBefore = '';
  for (let isFirst = true; isFirst || options.follow; isFirst = false) {
    if (!isFirst) await here.host.clock.wait(followAllMs);
    const { sources, measured, silent } = await collect(surroundings, places);
    const said = silent.join('\n');
    if (said !== silentBefore && said !== '') here.tell(said);
    silentBefore = said;
    const entries = mergeTimeline(sources, measured, localClocks).filter(
      ({ source, number }) => number > (printed.get(source) ?? 0),
    );
    for (const { source, number } of entries) printed.set(source, Math.max(number, printed.get(source) ?? 0));
    const shown = entries.filter((entry) => isWanted(entry, entry.correctedAt));
    if (options.json && !options.follow) here.print(json({ events: shown, notReached: silent }));
    else if (options.json) here.print(shown.map(json).join(''));
    else here.print(timelineText(shown));
  }
}

/** In the home of a lab: its first member, or the one whose label was typed. */
function standpoint(here: Surroundings, name: string | undefined): { surroundings: Surroundings; instance: Instance } {
  const lab = findLab(here);
  if (lab === null || listInstances(here).length > 0) return { surroundings: here, instance: onlyInstance(here, name) };
  const host = name === undefined ? members(lab)[0] : hostLabelled(lab, name);
  if (host === undefined || host.superserver === null) throw usage('the arbiter has no instance; name a member');
  const surroundings = here.at(host.home);
  return { surroundings, instance: findInstance(surroundings, host.label) };
}

/** Members whose instance is in this home. */
async function membersHere(here: Surroundings, mirror: string): Promise<ReadonlyMap<string, Instance>> {
  const found = new Map<string, Instance>();
  for (const instance of listInstances(here)) {
    const configuration = await readConfiguration(instance.paths.configuration);
    const place = placeOf(configuration, mirror);
    if (place === undefined) continue;
    const { member } = configurationAt(configuration, place);
    const paths = membershipPaths(instance.paths, place);
    if (member !== null) found.set(member, { ...instance, paths });
  }
  return found;
}

/** Each file once, also where one agent serves two members, or a member's agent is the arbiter. */
function placesOf(
  { name: mirror, members: all, settings }: MirrorSet,
  local: ReadonlyMap<string, Instance>,
): readonly Place[] {
  const places: Place[] = all.flatMap(({ name, instance, agent }): Place[] => {
    const place = { clock: name, agent: local.has(name) ? null : agent, mirror };
    return [
      { ...place, source: name, instance },
      { ...place, source: `agent of ${name}`, instance: '' },
    ];
  });
  if (settings.arbiter !== null) {
    places.push({ source: 'arbiter', clock: 'arbiter', agent: settings.arbiter, instance: '', mirror });
  }
  const kept = new Map<string, Place>();
  for (const place of places) {
    const key = JSON.stringify([place.agent?.host, place.agent?.port, place.instance]);
    if (!kept.has(key)) kept.set(key, place);
  }
  return [...kept.values()];
}

interface Collected {
  readonly sources: readonly Source[];
  readonly measured: readonly ClockMeasurement[];
  /** One line for each place that did not answer. */
  readonly silent: readonly string[];
}

async function collect(here: Surroundings, places: readonly Place[]): Promise<Collected> {
  const sources: Source[] = [];
  const measured: ClockMeasurement[] = [];
  const silent: string[] = [];
  const look = async (place: Place): Promise<void> => {
    const { source: name, clock } = place;
    const of = { from: ownClock, to: clock };
    try {
      if (place.agent === null) {
        sources.push({ name, clock, events: await eventsHere(here, place) });
        return;
      }
      const { host, port } = place.agent;
      const call = {
        host,
        port,
        timeoutMs: agentTimeoutMs,
        open: makeOpen({ channel: 'agent', mirror: place.mirror }),
      };
      const told = await fetchEvents(
        here.network,
        call,
        { instance: place.instance, mirror: place.mirror, after: 0 },
        here.host.clock,
      );
      sources.push({ name, clock, events: told.events });
      measured.push({ ...of, ...told.clock, atMs: here.host.clock.wallMs() });
    } catch (error) {
      silent.push(`${name} is missing: ${failureOf(error).message}`);
    }
  };
  await Promise.all(places.map(look));
  sources.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { sources, measured, silent: silent.sort() };
}

async function eventsHere(here: Surroundings, { instance, mirror }: Place): Promise<readonly EventRecord[]> {
  if (instance !== '') return await eventsOf(here, findInstance(here, instance), 0);
  const all = readEvents(homePaths(here.home).agentEvents, 0);
  return all.filter(({ facts }) => String(facts.mirror).toUpperCase() === mirror);
}

/** Each line: when by the clock of this host, how sure where that matters, who, what, and why. */
function timelineText(entries: readonly TimelineEntry[]): string {
  const shown = entries.filter(({ what }) => what !== clockOffsetNote);
  const width = Math.max(0, ...shown.map(({ source }) => source.length));
  return shown
    .map((entry) => {
      const sure = entry.uncertaintyMs === null ? '?' : entry.uncertaintyMs > 1 ? `±${entry.uncertaintyMs}` : '';
      const when = `${entry.correctedAt}${sure === '' ? '' : ` ${sure}`}`.padEnd(30);
      return `${when} ${entry.source.padEnd(width)}  ${entry.what}${evidence(entry)}\n`;
    })
    .join('');
}
