/** `caretmirror` at a terminal in a home without an instance: it offers to make one, or a lab. */
import { networkInterfaces } from 'node:os';
import { resolveHome } from '../host/home.ts';
import { askFirstWish, type FirstWish } from '../terminal/empty-home.ts';
import { converse } from '../terminal/routine.ts';
import { configureAgent, reportAgent, startAgent } from './agents.ts';
import { quoted } from './equivalent-line.ts';
import { createInstance, findInstance, type Instance, startInstance } from './instances.ts';
import type { Surroundings } from './surroundings.ts';

const startTimeoutMs = 60_000;

/** Null = the operator left, and nothing was made. */
export async function askForFirst(here: Surroundings): Promise<FirstWish | null> {
  let wish: FirstWish | null = null;
  await converse(here, async (dialogue) => {
    wish = await askFirstWish(dialogue, here.home, ownAddress());
  });
  return wish;
}

/** The agent first: it finds out whether the address is one of this host. */
export async function makeFirstInstance(
  here: Surroundings,
  { name, address }: Extract<FirstWish, { kind: 'instance' }>,
): Promise<Instance> {
  if (!reportAgent(here).running) configureAgent(here, { host: address });
  await startAgent(here);
  here.tell(`the ISCAgent of this host is up on ${address}`);
  await createInstance(here, { name, address });
  here.tell(`instance ${name} is created`);
  const instance = findInstance(here, name);
  await startInstance(here, instance, startTimeoutMs);
  here.tell(`instance ${name} is up`);
  const where = here.home === (await resolveHome(undefined, here.env)) ? '' : ` --home ${quoted(here.home)}`;
  here.tell('Command lines:');
  here.tell(`  caretmirror agent start --address ${address}${where}`);
  here.tell(`  caretmirror instance create ${name} --address ${address}${where}`);
  here.tell(`  caretmirror instance start ${name}${where}`);
  return instance;
}

/** One at which other hosts reach this one, where it has any. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
