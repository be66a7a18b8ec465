/** Transactions and locks while the primary is killed: real processes, real applications. */
import { expect, test } from '@jest/globals';
import { type Client, connectToMirror, decodeKey, encodeKey } from '../../src/client/main.ts';
import { hasActiveBackup, type Lab } from './lab.ts';
import { useLab } from './stories.ts';

const stage = useLab();
const setsEach = 5;
const workers = 8;

async function connectTo({ addresses }: Lab): Promise<Client> {
  return await connectToMirror({ targets: [addresses.A, addresses.B], mirror: 'LAB', timeoutMs: 30_000 });
}

/** What a program does: transactions of five sets, one after the other; what became of each. */
class Workers {
  readonly committed: number[] = [];
  readonly ends = new Set<string>();
  isStopping = false;
  #next = 0;

  async run(client: Client): Promise<void> {
    while (!this.isStopping) {
      this.#next += 1;
      const number = this.#next;
      try {
        await client.transaction(async (session) => {
          for (let part = 0; part < setsEach; part += 1)
            await session.set(encodeKey('TX', [String(part), String(number)]), Buffer.from('x'));
        });
        this.committed.push(number);
      } catch (error) {
        this.ends.add((error as { code?: string }).code ?? String(error));
      }
    }
  }
}

test('SYN-005, FO-021: after a kill every transaction is there whole or not at all, and every committed one is there', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  const client = await connectTo(lab);
  const one = new Workers();
  const running = Array.from({ length: workers }, () => one.run(client));
  await lab.until(primary, 'with transactions', () => one.committed.length > 100);
  const before = one.committed.length;
  await lab.kill(primary);
  await lab.untilStatus(backup, 'Primary', 20_000);
  await lab.until(backup, 'with transactions of its own', () => one.committed.length > before + 100);
  one.isStopping = true;
  await Promise.all(running);
  const found = new Map<string, number>();
  for await (const { key } of client.scan(encodeKey('TX', []))) {
    const number = decodeKey(key).subscripts[1] as string;
    found.set(number, (found.get(number) ?? 0) + 1);
  }
  client.close();
  expect([...found].filter(([, parts]) => parts !== setsEach)).toEqual([]);
  expect(one.committed.filter((number) => !found.has(String(number)))).toEqual([]);
  for (const end of one.ends) expect(['session-lost', 'outcome-unknown']).toContain(end);
  await lab.on(primary, 'instance', 'start', primary);
  await lab.until(backup, 'with an active backup', hasActiveBackup);
});

test('DB-043, FO-021: locks end with their primary, their holder is told, and the next primary grants them anew', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  const client = await connectTo(lab);
  const [holder, waiter] = [await client.session(), await client.session()];
  const name = encodeKey('LOCKED', ['1']);
  expect(await holder.lock(name)).toBe(true);
  expect(await waiter.lock(name, { timeoutMs: 50 })).toBe(false);
  const direct = await connectToMirror({ targets: [lab.addresses[backup]], timeoutMs: 5000 });
  const onBackup = await direct.session();
  await expect(onBackup.lock(name)).rejects.toThrow('<PROTECT>');
  direct.close();
  onBackup.close();
  await lab.kill(primary);
  await lab.untilStatus(backup, 'Primary', 20_000);
  await expect(holder.unlock()).rejects.toMatchObject({ code: 'session-lost' });
  const next = await client.session();
  expect(await next.lock(name, { timeoutMs: 5000 })).toBe(true);
  for (const each of [next, waiter, holder, client]) each.close();
  await lab.on(primary, 'instance', 'start', primary);
  await lab.until(backup, 'with an active backup', hasActiveBackup);
});
