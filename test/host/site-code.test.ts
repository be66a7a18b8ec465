/** The site's module in its thread: whatever it does, the call ends with a result and the process goes on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { NodeSiteCode } from '../../src/host/node-site-code.ts';
import type { SiteCall, SiteRequest, SiteResult, SiteValue } from '../../src/host/site-code.ts';
import { makeProgram } from './program.ts';

let directory: string;
let program: URL;
let code: NodeSiteCode;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-site-'));
  program = pathToFileURL(makeProgram(directory, 'thread', "import 'src/host/site-code-thread.ts';"));
  code = new NodeSiteCode({ program, timeoutMs: 20_000 });
});
afterEach(async () => {
  expect(await code.close()).toBe(true);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const facts = { instance: 'A', mirror: 'DEMO', right: 'agent-down', reason: 'A is down' } as const;
const entry = 'CanNodeStartToBecomePrimary';

let asked: SiteRequest[] = [];
let lines: string[] = [];

function callOf(text: string, answer: (request: SiteRequest) => Promise<SiteValue> = async () => null): SiteCall {
  const path = join(directory, 'zmirror.mjs');
  writeFileSync(path, text);
  [asked, lines] = [[], []];
  return {
    path,
    entry,
    facts,
    answer: (request) => {
      asked.push(request);
      return answer(request);
    },
    onOutput: (stream, line) => lines.push(`${stream}: ${line}`),
  };
}

/** The entry point with this body. */
function run(body: string, answer?: (request: SiteRequest) => Promise<SiteValue>): Promise<SiteResult> {
  return code.run(callOf(`export async function ${entry}(site) { ${body} }`, answer)).result;
}

describe('what is returned', () => {
  test.each([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
    ['Promise.resolve(1)', true],
    ['"1"', null],
    ['undefined', null],
    ['({ yes: 1 })', null],
    ['Symbol("yes")', null],
  ])('FO-067: %s', async (value, allows) => {
    expect(await run(`return ${value}`)).toMatchObject({ how: 'returned', allows });
  });

  test('FO-071: an entry point that the module does not have', async () => {
    expect(await code.run(callOf('export const another = 1;')).result).toEqual({ how: 'absent' });
  });

  test('FO-067: the module is loaded anew for each call', async () => {
    expect(await run('return 0')).toMatchObject({ allows: false });
    expect(await run('return 1')).toMatchObject({ allows: true });
  });

  test('the argument says who is asked and why', async () => {
    const result = await run('console.log(JSON.stringify(site), Object.keys(site.globals).join()); return 1');
    expect(result).toMatchObject({ allows: true });
    const known = JSON.stringify({ ...facts, globals: {} });
    expect(lines).toEqual([`stdout: ${known} get,data,order,query,set,kill,increment`]);
  });
});

describe('what fails', () => {
  test.each([
    ['it throws', 'throw new Error("no room")', /^threw: no room \(line 1\)$/],
    ['it rejects with anything', 'throw null', /^threw: null$/],
    ['it ends its thread', 'process.exit(3)', /exit code 3/],
    ['it throws later', 'setTimeout(() => { throw new Error("later") }); await new Promise(() => {})', /threw: later/],
    ['it forgets a rejection', 'Promise.reject(new Error("lost")); return 1', /threw: lost/],
  ])('FO-067: %s', async (_, body, why) => {
    expect(await run(body)).toMatchObject({ how: 'failed', why: expect.stringMatching(why) });
  });

  test.each([
    ['waits for nothing', 'await new Promise(() => {})'],
    ['loops', 'for (;;);'],
    ['sleeps', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
  ])('FO-067: it never returns and %s', async (_, body) => {
    const hasty = new NodeSiteCode({ program, timeoutMs: 1000 });
    const call = callOf(`export async function ${entry}() { ${body} }`);
    expect(await hasty.run(call).result).toMatchObject({ how: 'failed', why: 'did not return within 1 s' });
    expect(await hasty.close()).toBe(true);
  });

  test('FO-067: it takes all memory', async () => {
    const call = callOf(`export function ${entry}() { const all = []; for (;;) all.push(new Array(1e6).fill(all)); }`);
    expect(await code.run(call).result).toMatchObject({ how: 'failed', why: 'used more than 128 MB' });
  });

  test.each([
    ['is no program', 'export function (', /^could not be loaded: Function statements/],
    ['imports what is not there', "import './nowhere.mjs';", /^could not be loaded: Cannot find module/],
    ['has something else of that name', `export const ${entry} = 1;`, /^is not a function$/],
  ])('FO-067: a module that %s', async (_, text, why) => {
    expect(await code.run(callOf(text)).result).toMatchObject({ how: 'failed', why: expect.stringMatching(why) });
  });

  test('a call of the same entry point takes the place of the first', async () => {
    let begun = (): void => undefined;
    const isRunning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = code.run(
      callOf(`export function ${entry}(site) { void site.isPrimary(); for (;;); }`, async () => {
        begun();
        return null;
      }),
    );
    await isRunning;
    const second = code.run(callOf(`export function ${entry}() { return 0; }`));
    const third = code.run(callOf(`export function ${entry}() { return 1; }`));
    for (const { result } of [first, second]) {
      expect(await result).toEqual({ how: 'let go' });
    }
    expect(await third.result).toMatchObject({ allows: true });
  });

  test('a call that nobody waits for is ended', async () => {
    const call = code.run(callOf(`export function ${entry}() { for (;;); }`));
    call.end();
    expect(await call.result).toEqual({ how: 'let go' });
  });

  test('a thread in a call of the system is not joined by a second one, and is told of at the end', async () => {
    const inSystem = new NodeSiteCode({ program, timeoutMs: 500 });
    const call = callOf(`import { execSync } from 'node:child_process';
      export function ${entry}() { execSync('sleep 4'); return 1; }`);
    expect(await inSystem.run(call).result).toMatchObject({ how: 'failed', why: 'did not return within 0.5 s' });
    expect(await inSystem.run(call).result).toMatchObject({ how: 'failed', why: expect.stringMatching(/earlier/) });
    expect(await inSystem.close()).toBe(false);
  });
});

describe('globals', () => {
  const values = async ({ ask, given }: SiteRequest): Promise<SiteValue> => {
    if (ask === 'set') throw new Error('updates are not allowed');
    return `${ask} ${JSON.stringify(given)}`;
  };

  test('FO-066: each call is asked with what was given, and its answer comes back', async () => {
    const body = 'console.log(await site.globals.get("^A", { database: "X" }), await site.isPrimary()); return 1';
    expect(await run(body, values)).toMatchObject({ allows: true });
    expect(lines).toEqual(['stdout: get ["^A",{"database":"X"}] isPrimary []']);
  });

  test('FO-066: what is refused is an error that can be caught', async () => {
    expect(await run('await site.globals.set("^A", 1).catch((e) => console.log(e.message)); return 1', values)).toEqual(
      expect.objectContaining({ allows: true }),
    );
    expect(lines).toEqual(['stdout: updates are not allowed']);
  });

  test('FO-066: an update that was not awaited is waited for, and fails the entry point when it is refused', async () => {
    const slow = async (request: SiteRequest): Promise<SiteValue> => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return await values(request);
    };
    expect(await run('site.globals.set("^A", 1); return 1', slow)).toMatchObject({
      how: 'failed',
      why: 'threw: updates are not allowed',
    });
  });

  test('a flood of questions is answered in order, a bounded number at a time', async () => {
    let [now, most] = [0, 0];
    const counting = async ({ given }: SiteRequest): Promise<SiteValue> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return given[0] as number;
    };
    const body = `const all = await Promise.all(Array.from({ length: 5000 }, (_, i) => site.globals.get(i)));
      return all.every((value, i) => value === i) ? 1 : 0`;
    expect(await run(body, counting)).toMatchObject({ allows: true });
    expect(asked).toHaveLength(5000);
    expect(most).toBeLessThanOrEqual(256);
  });
});

describe('output', () => {
  test('is told line by line before the result, also when it ends without a line end', async () => {
    const body = 'console.error("one\\ntwo"); process.stdout.write("three"); return 1';
    const result = await run(body);
    expect(result).toMatchObject({ allows: true });
    expect([...lines].sort()).toEqual(['stderr: one', 'stderr: two', 'stdout: three']);
  });

  test('is bounded in lines and in length', async () => {
    await run('for (let i = 0; i < 5000; i++) console.log("x".repeat(2000)); return 1');
    expect(lines).toHaveLength(101);
    expect(lines.at(-1)).toMatch(/left out/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(600);
  });
});
