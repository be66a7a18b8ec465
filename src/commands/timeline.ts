/**
 * What several hosts noted, as one timeline on the clock of the host that asks. Pure. Offsets were measured by this program
 * now, and by the members on their links while they were connected, so that a host that is dead is placed as well: its
 * offset is then that of the hosts between. Of several ways the one with the least uncertainty counts.
 */
import type { ClockOffset } from '../protocol/clock-offset.ts';
import type { EventRecord } from '../protocol/control-channel.ts';

/** One file of events. */
export interface Source {
  /** `B`, `arbiter`, `agent of B`. */
  readonly name: string;
  /** Whose clock its times are of: the name of a member, or `arbiter`. */
  readonly clock: string;
  readonly events: readonly EventRecord[];
}

/** The clock of `to` minus that of `from`, as measured when the clock of `from` showed `atMs`. */
export interface ClockMeasurement extends ClockOffset {
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
}

export interface TimelineEntry extends EventRecord {
  readonly source: string;
  /** ISO 8601 on the clock of the host that asks; as it was noted where nothing is known of that clock. */
  readonly correctedAt: string;
  /** Null: nothing is known of the clock it was noted by. */
  readonly uncertaintyMs: number | null;
}

/** The clock of the host that asks. */
export const ownClock = '';
/** What a member writes about the clock of another host (src/instance/clock-record.ts). */
export const clockOffsetNote = 'clock offset';

/** A measurement that is not of the very moment: a clock may run wrong by this share (the 15 ppm of NTP). */
const driftShare = 15e-6;

/** `localClocks`: names of the own clock, of members on the host that asks. */
export function mergeTimeline(
  sources: readonly Source[],
  measured: readonly ClockMeasurement[],
  localClocks: readonly string[] = [],
): readonly TimelineEntry[] {
  const ways = waysBetween(measured, sources.flatMap(offsetsNoted));
  const placed = sources.flatMap(({ name, clock, events }) => {
    // Two of one source keep its order, whatever its clock did.
    let orderMs = Number.NEGATIVE_INFINITY;
    return events.map((event) => {
      const atMs = Date.parse(event.at);
      const offset = offsetOf(clock, atMs, ways, localClocks);
      const correctedMs = atMs - (offset?.offsetMs ?? 0);
      orderMs = Math.max(orderMs, correctedMs);
      return { name, event, correctedMs, orderMs, uncertaintyMs: offset?.uncertaintyMs ?? null };
    });
  });
  placed.sort((a, b) => a.orderMs - b.orderMs);
  return placed.map(({ name, event, correctedMs, uncertaintyMs }) => ({
    ...event,
    source: name,
    correctedAt: new Date(Math.round(correctedMs)).toISOString(),
    uncertaintyMs: uncertaintyMs === null ? null : Math.ceil(uncertaintyMs),
  }));
}

/** All measurements of one pair of clocks, oldest first. `isNoted`: it holds until the next one, since a change is noted. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly isNoted: boolean;
  readonly measurements: readonly ClockMeasurement[];
}

function waysBetween(measured: readonly ClockMeasurement[], noted: readonly ClockMeasurement[]): readonly Way[] {
  return [
    ...group(measured).map((measurements) => ({ ...ends(measurements), isNoted: false, measurements })),
    ...group(noted).map((measurements) => ({ ...ends(measurements), isNoted: true, measurements })),
  ];
}

function group(measurements: readonly ClockMeasurement[]): readonly (readonly ClockMeasurement[])[] {
  const groups = new Map<string, ClockMeasurement[]>();
  for (const measurement of measurements) {
    const key = JSON.stringify([measurement.from, measurement.to]);
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  return [...groups.values()].map((entries) => entries.sort((a, b) => a.atMs - b.atMs));
}

function ends(measurements: readonly ClockMeasurement[]): Pick<Way, 'from' | 'to'> {
  const { from, to } = measurements[0] as ClockMeasurement;
  return { from, to };
}

function offsetsNoted({ clock, events }: Source): readonly ClockMeasurement[] {
  return events.flatMap(({ what, facts, at }) => {
    if (what !== clockOffsetNote) return [];
    const { of, offsetMs, uncertaintyMs } = facts;
    if (typeof of !== 'string' || typeof offsetMs !== 'number' || typeof uncertaintyMs !== 'number') return [];
    return [{ from: clock, to: of, atMs: Date.parse(at), offsetMs, uncertaintyMs }];
  });
}

/** The clock named minus the own one at that moment, over the best way; null when there is none. */
function offsetOf(clock: string, atMs: number, ways: readonly Way[], local: readonly string[]): ClockOffset | null {
  const known = new Map<string, ClockOffset>();
  for (const name of [ownClock, ...local]) known.set(name, { offsetMs: 0, uncertaintyMs: 0 });
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const way of ways) {
      const { offsetMs, uncertaintyMs } = inForce(way, atMs);
      isChanged = learn(known, way.from, way.to, offsetMs, uncertaintyMs) || isChanged;
      isChanged = learn(known, way.to, way.from, -offsetMs, uncertaintyMs) || isChanged;
    }
  }
  return known.get(clock) ?? null;
}

/** True when the clock of `to` is now known better. */
function learn(known: Map<string, ClockOffset>, from: string, to: string, stepMs: number, addsMs: number): boolean {
  const start = known.get(from);
  if (start === undefined) return false;
  const uncertaintyMs = start.uncertaintyMs + addsMs;
  const before = known.get(to);
  if (before !== undefined && before.uncertaintyMs <= uncertaintyMs) return false;
  known.set(to, { offsetMs: start.offsetMs + stepMs, uncertaintyMs });
  return true;
}

function inForce({ measurements, isNoted }: Way, atMs: number): ClockOffset {
  const before = measurements.filter((measurement) => measurement.atMs <= atMs).at(-1);
  const { offsetMs, uncertaintyMs, atMs: measuredMs } = before ?? (measurements[0] as ClockMeasurement);
  const isHeld = isNoted && before !== undefined;
  return { offsetMs, uncertaintyMs: uncertaintyMs + (isHeld ? 0 : Math.abs(atMs - measuredMs) * driftShare) };
}
