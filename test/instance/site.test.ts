/** The way to being primary through the site's word, in a whole host: the gate, zmirror.mjs, messages log and status. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../src/client/client.ts';
import { NodeSiteCode } from '../../src/host/node-site-code.ts';
import { Site } from '../../src/instance/site.ts';
import { initialState } from '../../src/mirror/member-state.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';
import { makeProgram } from '../host/program.ts';

let directory: string;
let program: URL;
let code: NodeSiteCode;
let host: WholeHost | null = null;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-site-'));
  program = pathToFileURL(makeProgram(directory, 'thread', "import 'src/host/site-code-thread.ts';"));
});
afterEach(async () => {
  await host?.close();
  host = null;
  expect(await code.close()).toBe(true);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const isPrimary = ({ status }: { readonly status: string }): boolean => status === 'Primary';

/** A mirror of one with a database; started again it may become primary when its site lets it. */
async function startPrimary(timeoutMs = 10_000): Promise<WholeHost> {
  code = new NodeSiteCode({ program, timeoutMs });
  host = await startWholeHost('ALPHA', { site: code });
  const { control } = host;
  await control.perform('enable-mirror-service', {});
  await control.perform('create-mirror', { mirror: 'DEMO', qosTimeoutMs: 400 });
  const created = await control.perform('create-database', { database: 'SALES', mirrored: 'SALES' });
  expect(created).toMatchObject({ ok: true });
  return host;
}

function writeSite({ instance }: WholeHost, text: string): void {
  writeFileSync(instance.paths.site, text);
}

/** Severity and text of the lines of messages.log, since the last start, that speak of the site. */
function siteMessages({ instance }: WholeHost): readonly string[] {
  const lines = readFileSync(instance.paths.messages, 'utf8').split('\n');
  return lines
    .slice(lines.findLastIndex((line) => line.includes('Manager initialized for')))
    .filter((line) => line.includes('zmirror.mjs'))
    .map((line) => line.replace(/^.*?\) (\d) \[.*?\]/, '$1').replace(/\(\d+ ms\)/, '(N ms)'));
}

describe('the two questions', () => {
  test('FO-071: without a module nobody is asked and nothing is said', async () => {
    const alone = await startPrimary();
    expect(siteMessages(alone)).toEqual([]);
  });

  test('FO-067 FO-070 FO-091: a no holds it, the status says so, and the edited module is what counts next', async () => {
    const alone = await startPrimary();
    const refusing = `export const CanNodeStartToBecomePrimary = ({ mirror, right }) => { console.log(mirror, right); return 0; };
       export const NotifyBecomePrimaryFailed = ({ right, reason }) => console.error(right, reason);`;
    await alone.restart(() => writeSite(alone, refusing));
    const { waitingFor, status } = await alone.reach((report) => report.waitingFor?.includes('FO-067') === true);
    expect(status).not.toBe('Primary');
    expect(waitingFor).toMatch(/waits \(FO-067: CanNodeStartToBecomePrimary of zmirror\.mjs returned 0\), again at/);
    await notified(alone, 'NotifyBecomePrimaryFailed');
    expect(siteMessages(alone).slice(0, 2)).toEqual([
      '0 zmirror.mjs, CanNodeStartToBecomePrimary: DEMO alone',
      '0 CanNodeStartToBecomePrimary of zmirror.mjs returned 0 (N ms)',
    ]);
    expect(siteMessages(alone).slice(-2)).toEqual([
      '1 zmirror.mjs, NotifyBecomePrimaryFailed: null CanNodeStartToBecomePrimary of zmirror.mjs returned 0',
      '0 NotifyBecomePrimaryFailed of zmirror.mjs returned undefined (N ms)',
    ]);
    await alone.restart(() => writeSite(alone, 'export const CanNodeStartToBecomePrimary = async () => 1;'));
    await alone.reach(isPrimary);
    await notified(alone, 'NotifyBecomePrimary');
    expect(siteMessages(alone)).toEqual([
      '0 CanNodeStartToBecomePrimary of zmirror.mjs returned 1 (N ms)',
      '0 zmirror.mjs has no CheckBecomePrimaryOK, which counts as 1',
      '0 zmirror.mjs has no NotifyBecomePrimary',
    ]);
  });

  test.each([
    ['does not return', 'for (;;);', 1000, 2, 'did not return within 1 s (N ms); that counts as 0'],
    ['ends its thread', 'process.exit(0);', 10_000, 2, 'ended its thread with exit code 0 (N ms); that counts as 0'],
    ['says neither', 'return "1";', 10_000, 1, 'returned "1", which is neither 1 nor 0 and counts as 0 (N ms)'],
  ])('FO-068: a CheckBecomePrimaryOK that %s keeps the door shut', async (_, body, timeoutMs, severity, said) => {
    const alone = await startPrimary(timeoutMs);
    await alone.restart(() => writeSite(alone, `export function CheckBecomePrimaryOK() { ${body} }`));
    const { waitingFor } = await alone.reach((report) => report.waitingFor?.includes('FO-068') === true);
    expect(waitingFor).toMatch(/waits \(FO-068: CheckBecomePrimaryOK of zmirror\.mjs /);
    expect(siteMessages(alone)).toContain(`${severity} CheckBecomePrimaryOK of zmirror.mjs ${said}`);
  });
});

describe('FO-066: globals for the site', () => {
  const values = async (client: Client, ...keys: readonly Uint8Array[]): Promise<readonly (string | null)[]> =>
    await Promise.all(
      keys.map(async (key) => {
        const value = await client.get(key);
        return value === null ? null : Buffer.from(value).toString();
      }),
    );

  test('API-033 FO-065 FO-066: CheckBecomePrimaryOK writes while the door is shut for all others', async () => {
    const alone = await startPrimary();
    const go = join(directory, 'go');
    await alone.restart(() =>
      writeSite(
        alone,
        `import { existsSync } from 'node:fs';
         import { setTimeout as wait } from 'node:timers/promises';
         export async function CheckBecomePrimaryOK({ globals }) {
           await globals.set('^S("open")', 1);
           while (!existsSync(${JSON.stringify(go)})) await wait(20);
           console.log('of the client:', await globals.get('^S("client")'));
           globals.set('^S("not awaited")', 'yes');
           await globals.kill('^S("open")');
           await Promise.all(Array.from({ length: 300 }, (_, i) => globals.set(\`^S("many",\${i})\`, i / 2)));
           const sums = [globals.increment('^N'), globals.increment('^N', '2.5'), globals.get('^N')];
           const order = [await globals.order('^S("many","")'), await globals.order('^S("many","")', { direction: 'backward' })];
           console.log((await Promise.all(sums)).join(), order.join(), await globals.data('^S'), await globals.query('^S'));
           return 1;
         }`,
      ),
    );
    await alone.reach(({ waitingFor }) => waitingFor?.includes('its site is asked') === true);
    const targets = [{ host: '127.0.0.1', port: alone.superserverPort }];
    await expect(connect({ network, targets, mirror: 'DEMO', timeoutMs: 300 })).rejects.toThrow();
    const client = await connect({ network, targets });
    const clients = client.set(encodeKey('S', ['client']), Buffer.from('x'));
    // Refused, and tried again.
    await alone.reach(() => client.reconnects > 0);
    writeFileSync(go, '');
    await alone.reach(isPrimary);
    await clients;
    const keys = [['open'], ['not awaited'], ['many', '7'], ['client']].map((each) => encodeKey('S', each));
    expect(await values(client, encodeKey('N', []), ...keys)).toEqual(['3.5', null, 'yes', '3.5', 'x']);
    client.close();
    expect(siteMessages(alone).filter((line) => line.startsWith('0 zmirror.mjs, Check'))).toEqual([
      '0 zmirror.mjs, CheckBecomePrimaryOK: of the client: null',
      '0 zmirror.mjs, CheckBecomePrimaryOK: 1,3.5,3.5 ^S("many",0),^S("many",299) 10 ^S("many",0)',
    ]);
  });

  test('FO-066 FO-069 FO-092: the other entry points read, and may not write', async () => {
    const alone = await startPrimary();
    await alone.restart(() =>
      writeSite(
        alone,
        `async function tryAll({ globals, isPrimary }) {
           for (const tried of [globals.get('^A'), globals.set('^A', 1), globals.kill('^A'), globals.get('A'), globals.get('^A', { database: 'X' })])
             await tried.then(console.log, (error) => console.log(error.message));
           console.log('primary:', await isPrimary());
           return 1;
         }
         export { tryAll as CanNodeStartToBecomePrimary, tryAll as NotifyBecomePrimary };`,
      ),
    );
    await alone.reach(isPrimary);
    await notified(alone, 'NotifyBecomePrimary');
    const said = (entry: string, isPrimaryNow: boolean): readonly string[] =>
      [
        'null',
        'globals.set: updates are allowed in CheckBecomePrimaryOK only (FO-066)',
        'globals.kill: updates are allowed in CheckBecomePrimaryOK only (FO-066)',
        '"A" is not a global reference: it begins with ^, as in ^CITY("FR",75)',
        'there is no mirrored database X',
        `primary: ${isPrimaryNow}`,
      ].map((line) => `0 zmirror.mjs, ${entry}: ${line}`);
    const lines = siteMessages(alone).filter((line) => line.startsWith('0 zmirror.mjs, '));
    expect(lines).toEqual([...said('CanNodeStartToBecomePrimary', false), ...said('NotifyBecomePrimary', true)]);
  });
});

describe('FO-004: databases required at startup', () => {
  test('FO-004: an ordinary one that is dismounted; mounted, the member becomes primary', async () => {
    const alone = await startPrimary();
    const { control } = alone;
    expect(await control.perform('create-database', { database: 'LOCAL', mountRequired: true })).toMatchObject({
      ok: true,
    });
    await control.perform('dismount-database', { database: 'LOCAL' });
    const { databases } = await control.describe();
    expect(databases).toMatchObject([
      { name: 'SALES', mountRequired: false },
      { name: 'LOCAL', mounted: false, mountRequired: true },
    ]);
    await alone.restart();
    const { waitingFor } = await alone.reach((report) => report.waitingFor?.includes('FO-004') === true);
    expect(waitingFor).toContain('FO-004: database LOCAL is dismounted and is required at startup');
    await alone.control.perform('mount-database', { database: 'LOCAL' });
    await alone.reach(isPrimary);
  });

  test('FO-004 DB-008 DB-033: a mirrored one that cannot be mounted; not required any more, the member becomes primary', async () => {
    const alone = await startPrimary();
    const edit = async (mountRequired: boolean) =>
      await alone.control.perform('edit-database', { database: 'SALES', mountRequired });
    expect(await edit(true)).toMatchObject({ ok: true });
    const place = alone.instance.catalog.find('SALES')?.configuration.directory as string;
    await alone.restart(() => renameSync(place, `${place}.away`));
    const { waitingFor } = await alone.reach((report) => report.waitingFor?.includes('FO-004') === true);
    expect(waitingFor).toContain('FO-004: database SALES could not be mounted and is required at startup');
    expect(await edit(false)).toMatchObject({ ok: true });
    await alone.reach(isPrimary);
  });

  test('FO-004 FO-074: force leaves out the question whether it may begin, and not the gate', async () => {
    code = new NodeSiteCode({ program });
    const path = join(directory, 'never.mjs');
    writeFileSync(path, 'export const [CanNodeStartToBecomePrimary, CheckBecomePrimaryOK] = [() => 0, () => 0];');
    let missing: string | null = null;
    const answers: unknown[] = [];
    let answered = (): void => undefined;
    const site = new Site({
      code,
      path,
      exists: () => true,
      instance: 'A',
      mirror: 'DEMO',
      state: () => initialState('A', 'DEMO', true),
      missing: () => missing,
      entries: () => [],
      append: async () => undefined,
      post: ({ allowed, spec }) => {
        answers.push([allowed, spec]);
        answered();
      },
      log: () => undefined,
    });
    const ask = (entry: 'CanNodeStartToBecomePrimary' | 'CheckBecomePrimaryOK', right: 'force' | 'alone') =>
      new Promise<void>((resolve) => {
        answered = resolve;
        site.ask({ type: 'ask-site', request: 1, entry, right });
      });
    await ask('CanNodeStartToBecomePrimary', 'force');
    await ask('CanNodeStartToBecomePrimary', 'alone');
    await ask('CheckBecomePrimaryOK', 'force');
    missing = 'database X is dismounted';
    await ask('CanNodeStartToBecomePrimary', 'force');
    await ask('CheckBecomePrimaryOK', 'force');
    expect(answers).toEqual([
      [true, 'FO-067'],
      [false, 'FO-067'],
      [false, 'FO-068'],
      [false, 'FO-004'],
      [false, 'FO-004'],
    ]);
  });
});

/** The end of a call for which nobody waits is in the messages log. */
async function notified(of: WholeHost, entry: string): Promise<void> {
  await of.reach(() => siteMessages(of).some((line) => line.includes(` ${entry} of zmirror`) || line.endsWith(entry)));
}
