/**
 * The mirrors that an instance is configured to be in. One is in the configuration's own fields; a reporting async may be in further
 * ones (CFG-008), each with fields, journal files and records of its own (docs/decisions/0034). Names only: nothing is read or made here.
 */
import { join } from 'node:path';
import type { MirrorName } from '../mirror/terms.ts';
import type { InstancePaths } from './home.ts';
import type {
  ConfigurationStore,
  DatabaseConfiguration,
  InstanceConfiguration,
  MembershipConfiguration,
} from './host.ts';

/** In no mirror. */
export const noMembership: MembershipConfiguration = {
  joinMirror: false,
  mirrorStopped: false,
  dejournalingPaused: false,
  member: null,
  memberType: null,
  purgeAtOnce: false,
  dejournalFilter: null,
  mirrorSet: null,
  formerMirror: null,
};

/** Which fields of a configuration are meant: those of the first mirror (null), or of a further one. */
export type Place = MirrorName | null;

/** Names of the mirrors it is in, the first one first. */
export function mirrorsOf({ mirrorSet, furtherMirrors }: InstanceConfiguration): readonly MirrorName[] {
  const further = furtherMirrors.flatMap((each) => (each.mirrorSet === null ? [] : [each.name]));
  return mirrorSet === null ? further : [mirrorSet.name, ...further];
}

/** Where the fields of a mirror are; undefined = it is in no such mirror. Without a name: of the first one that it is in. */
export function placeOf(configuration: InstanceConfiguration, mirror?: string): Place | undefined {
  const names = mirrorsOf(configuration);
  const name = mirror === undefined ? names[0] : names.find((each) => each === mirror.toUpperCase());
  if (name === undefined) return undefined;
  return name === configuration.mirrorSet?.name ? null : name;
}

/** The configuration as it is for one mirror: its fields, and the databases that belong to it. */
export function configurationAt(whole: InstanceConfiguration, place: Place): InstanceConfiguration {
  if (place === null && whole.furtherMirrors.length === 0) return whole;
  const databases = whole.databases.filter((each) => databasePlace(whole, each) === place);
  if (place === null) return { ...whole, databases };
  const { name: _, ...fields } = whole.furtherMirrors.find(({ name }) => name === place) ?? { name: place };
  return { ...whole, ...noMembership, ...fields, databases };
}

/** A database of a further mirror that is over is one of the instance again. */
function databasePlace({ furtherMirrors }: InstanceConfiguration, { furtherMirror }: DatabaseConfiguration): Place {
  return furtherMirrors.some(({ name }) => name === furtherMirror) ? (furtherMirror ?? null) : null;
}

/** The whole, after what `configurationAt` gave was changed to `next`. A further mirror of which nothing is left goes. */
function withChanged(whole: InstanceConfiguration, place: Place, next: InstanceConfiguration): InstanceConfiguration {
  const others = whole.databases.filter((each) => databasePlace(whole, each) !== place);
  const { furtherMirrors } = whole;
  if (place === null) {
    return { ...next, furtherMirrors, databases: [...next.databases.map(without), ...others] };
  }
  const fields = pick(next);
  const isOver = fields.mirrorSet === null && fields.formerMirror === null;
  const kept = furtherMirrors.filter(({ name }) => name !== place);
  return {
    ...next,
    ...pick(whole),
    furtherMirrors: isOver ? kept : [...kept, { ...fields, name: place }],
    databases: [
      ...others,
      ...next.databases.map((each) => (isOver ? without(each) : { ...each, furtherMirror: place })),
    ],
  };
}

function without({ furtherMirror: _, ...database }: DatabaseConfiguration): DatabaseConfiguration {
  return database;
}

function pick(from: MembershipConfiguration): MembershipConfiguration {
  const { joinMirror, mirrorStopped, dejournalingPaused, member, memberType } = from;
  const { purgeAtOnce, dejournalFilter, mirrorSet, formerMirror } = from;
  return {
    joinMirror,
    mirrorStopped,
    dejournalingPaused,
    member,
    memberType,
    purgeAtOnce,
    dejournalFilter,
    mirrorSet,
    formerMirror,
  };
}

/** What belongs to one mirror, read and written in the configuration of the whole instance. */
export class MembershipStore implements ConfigurationStore {
  readonly #whole: ConfigurationStore;
  readonly #place: Place;
  /** The whole that the present view was made of: it is asked for with each request of an application. */
  #of: InstanceConfiguration | null = null;
  #view: InstanceConfiguration | null = null;

  constructor(whole: ConfigurationStore, place: Place) {
    this.#whole = whole;
    this.#place = place;
  }

  get(): InstanceConfiguration {
    const whole = this.#whole.get();
    if (this.#view === null || this.#of !== whole) this.#view = configurationAt(whole, this.#place);
    this.#of = whole;
    return this.#view;
  }

  set(next: InstanceConfiguration): void {
    this.#whole.set(withChanged(this.#whole.get(), this.#place, next));
  }
}

/** Places of a further mirror beside those of the first. Journal files bear the mirror's name, so they share their directories. */
export function membershipPaths(paths: InstancePaths, place: Place): InstancePaths {
  if (place === null) return paths;
  const of = (name: string): string => join(paths.directory, name);
  return {
    ...paths,
    member: of(`member-${place}.json`),
    verification: of(`verification-${place}.json`),
    events: of(`events-${place}.jsonl`),
    journalLog: of(`journal-${place}.log`),
    journalClaims: of(`journal-claims-${place}.json`),
    copies: of(`copies-${place}`),
    download: of(`download-${place}`),
    rebuild: of(`rebuild-${place}`),
  };
}
