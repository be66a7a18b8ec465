/** A client for a target as typed, and what people write after it: references, and places to search from. */
import { type Client, connect } from '../client/client.ts';
import { readConfiguration } from '../host/configuration-file.ts';
import type { Address, Checked } from '../mirror/mirror-set.ts';
import { encodeKey, encodeSearchKey, type GlobalReference } from '../protocol/global-key.ts';
import { parseReference, parseSearchReference } from '../protocol/global-reference.ts';
import { notReachable, usage } from './failures.ts';
import { findInstance } from './instances.ts';
import type { Surroundings } from './surroundings.ts';
import { parseTarget } from './target.ts';

export interface TargetOptions {
  readonly database?: string | undefined;
  readonly timeoutMs: number;
  readonly window?: number;
}

/** @throws CommandFailure, MirrorUnreachableError */
export async function connectTarget(here: Surroundings, typed: string, options: TargetOptions): Promise<Client> {
  const target = parseTarget(typed);
  const common = {
    network: here.network,
    timeoutMs: options.timeoutMs,
    database: options.database ?? '',
    ...(options.window === undefined ? {} : { window: options.window }),
  };
  if (target.kind === 'mirror') return await connect({ ...common, targets: target.addresses, mirror: target.mirror });
  const instance = findInstance(here, target.name);
  const { superserver } = await readConfiguration(instance.paths.configuration);
  try {
    return await connect({ ...common, targets: [reachable(superserver)] });
  } catch (error) {
    if ((error as { code?: string }).code !== 'mirror-unreachable') throw error;
    throw notReachable(`instance ${instance.name}: ${(error as Error).message}`);
  }
}

/** All addresses of this machine are reached by its own one. */
function reachable({ host, port }: Address): Address {
  return { host: host === '*' || host === '0.0.0.0' ? '127.0.0.1' : host, port };
}

/** @throws CommandFailure (usage) */
export function keyOf(typed: string): Buffer {
  const { global, subscripts } = referenceOf(typed);
  return encodeKey(global, subscripts);
}

export function referenceOf(typed: string): GlobalReference {
  return orUsage(parseReference(typed));
}

export function searchPlace(typed: string): GlobalReference {
  return orUsage(parseSearchReference(typed));
}

export function searchKey(typed: string): Buffer {
  const { global, subscripts } = searchPlace(typed);
  return encodeSearchKey(global, subscripts);
}

function orUsage(parsed: Checked<GlobalReference>): GlobalReference {
  if (!parsed.ok) throw usage(parsed.text);
  return parsed.value;
}
