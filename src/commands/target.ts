/** What a command talks to: an instance of this home by its name, or a mirror by addresses of its members. Names only. */

import { parseAddress, printAddress } from '../client/member-search.ts';
import type { Address } from '../mirror/mirror-set.ts';
import { checkMirrorName } from '../mirror/mirror-set.ts';
import { usage } from './failures.ts';

export type Target =
  | { readonly kind: 'instance'; readonly name: string }
  | { readonly kind: 'mirror'; readonly addresses: readonly Address[]; readonly mirror: string };

const scheme = 'mirror://';

/** @throws CommandFailure (usage) */
export function parseTarget(typed: string): Target {
  if (!typed.startsWith(scheme)) return { kind: 'instance', name: typed };
  const [list = '', mirror = '', ...more] = typed.slice(scheme.length).split('/');
  const checked = checkMirrorName(mirror);
  const addresses = list.split(',').map((text) => parseAddress(text));
  if (!checked.ok || more.length > 0 || addresses.includes(null)) {
    throw usage(`"${typed}" is no target: mirror://HOST:PORT[,HOST:PORT]/MIRROR, or the name of an instance`);
  }
  return { kind: 'mirror', addresses: addresses as Address[], mirror: checked.value };
}

export function printMirrorTarget(addresses: readonly Address[], mirror: string): string {
  return `${scheme}${addresses.map(printAddress).join(',')}/${mirror}`;
}

/** `500ms`, `60s`, `2m`; a bare number is seconds. @throws CommandFailure (usage) */
export function parseDuration(typed: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(typed);
  if (match === null) throw usage(`"${typed}" is no time: 60s, 500ms or 2m`);
  const unitMs = match[2] === 'ms' ? 1 : match[2] === 'm' ? 60_000 : 1000;
  return Number(match[1]) * unitMs;
}

/** A whole number between the limits. @throws CommandFailure (usage) */
export function parseWhole(typed: string, what: string, min: number, max: number): number {
  const value = Number(typed);
  if (!/^\d+$/.test(typed) || value < min || value > max) {
    throw usage(`${what} must be a whole number from ${min} to ${max}, not "${typed}"`);
  }
  return value;
}
