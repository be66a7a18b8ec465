import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { BuiltPrograms } from './built-programs.ts';

let programs: BuiltPrograms;
beforeAll(async () => {
  programs = await new BuiltPrograms().build();
});
afterAll(() => programs.remove());

function behave(home: string, instance: string, behaviour: object): string {
  const directory = join(home, 'instances', instance);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'behaviour.json'), JSON.stringify(behaviour));
  return directory;
}

function performed(directory: string): readonly { readonly command: string; readonly arguments: object }[] {
  return readFileSync(join(directory, 'performed.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('an instance as a process', () => {
  let home = '';
  let count = 0;
  const run = (...args: string[]) => programs.run(args, home);
  const listed = async () => JSON.parse((await run('instance', 'list', '--json')).out)[0];
  afterEach(async () => {
    await run('instance', 'force', 'A');
  });
  async function fresh(behaviour: object): Promise<string> {
    count += 1;
    home = join(programs.directory, `home-${count}`);
    const directory = behave(home, 'A', behaviour);
    await run('instance', 'create', 'A');
    return directory;
  }

  test('start finds an instance that is about to end, and starts it anew', async () => {
    await fresh({});
    await run('instance', 'start', 'A');
    const { pid } = await listed();
    process.kill(pid, 'SIGSTOP');
    const started = run('instance', 'start', 'A', '--timeout', '20s');
    // Time for the command to find it running; it is right as well to find it down.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    process.kill(pid, 'SIGKILL');
    expect(await started).toMatchObject({ code: 0, err: expect.stringContaining('is up') });
    expect((await listed()).pid).not.toBe(pid);
  });

  test('start waits for a settled role; a second start is done already; stop waits for the end', async () => {
    const directory = await fresh({ unsettledFor: 3 });
    expect(await run('instance', 'start', 'A')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('is up'),
    });
    const { pid, state, status } = await listed();
    expect({ state, status }).toEqual({ state: 'up', status: 'Not Initialized' });
    expect(await run('instance', 'start', 'A')).toMatchObject({
      code: 0,
      err: expect.stringContaining('running already'),
    });
    expect((await listed()).pid).toBe(pid);
    expect(await run('instance', 'delete', 'A', '--confirm', 'A')).toMatchObject({
      code: 1,
      err: expect.stringContaining('stop it first'),
    });
    expect(await run('instance', 'stop', 'A', '--nofailover')).toMatchObject({ code: 0 });
    expect(performed(directory)).toMatchObject([{ command: 'stop-instance', arguments: { noFailover: true } }]);
    expect(await listed()).toMatchObject({ state: 'down', pid: null });
  });

  test('a role that does not settle in time is 5, says what it waits for, and the instance keeps running', async () => {
    await fresh({ unsettledFor: 10_000 });
    const ran = await run('instance', 'start', 'A', '--timeout', '4s');
    expect(ran).toMatchObject({ code: 5, err: expect.stringContaining('the journal of the primary') });
    expect(await listed()).toMatchObject({ state: 'up', status: 'Synchronizing' });
    const waited = await run('wait', 'A', '--for', 'primary', '--timeout', '200ms', '--json');
    expect(waited).toMatchObject({ code: 5, err: expect.stringContaining('is not primary after 200ms') });
    expect(JSON.parse(waited.out)).toMatchObject({ status: 'Synchronizing' });
  });

  test('a daemon that cannot start says why in one line', async () => {
    await fresh({ fails: 'the superserver port is taken' });
    expect(await run('instance', 'start', 'A')).toEqual({
      code: 1,
      out: '',
      err: 'caretmirror: instance A: the superserver port is taken\n',
    });
  });

  test('a daemon that ends just after it was ready is 1 at once, long before the time limit', async () => {
    await fresh({ endsWhenReady: true });
    const begunMs = performance.now();
    expect(await run('instance', 'start', 'A', '--timeout', '5m')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^caretmirror: instance A ended after it had started; see .*log A.*\n$/),
    });
    expect(performance.now() - begunMs).toBeLessThan(60_000);
  });

  test('start tells at once of one that has halted: only a person changes that', async () => {
    await fresh({ halted: true });
    const begunMs = performance.now();
    expect(await run('instance', 'start', 'A', '--timeout', '5m')).toMatchObject({
      code: 5,
      err: expect.stringContaining('its status is Crashed'),
    });
    expect(performance.now() - begunMs).toBeLessThan(60_000);
  });

  test('a frozen one is hung, and force ends it', async () => {
    await fresh({});
    expect(await run('instance', 'start', 'A')).toMatchObject({ code: 0 });
    const { pid } = await listed();
    process.kill(pid, 'SIGSTOP');
    expect(await listed()).toMatchObject({ state: 'hung', pid });
    expect(await run('instance', 'force', 'A')).toMatchObject({ code: 0, err: expect.stringContaining('was killed') });
    expect(await listed()).toMatchObject({ state: 'down' });
  });

  test('one that does not stop is 5, with what to do', async () => {
    await fresh({ neverStops: true });
    await run('instance', 'start', 'A');
    expect(await run('instance', 'stop', 'A', '--timeout', '300ms')).toMatchObject({
      code: 5,
      err: expect.stringContaining('instance force A'),
    });
  });

  test('mirror commands reach the instance with their arguments; a refusal is 1', async () => {
    const directory = await fresh({ refuses: 'edit-mirror' });
    await run('instance', 'start', 'A');
    const created = await run(
      'mirror',
      'create',
      'A',
      '--mirror',
      'M',
      '--arbiter',
      '127.0.0.9:2190',
      '--qos',
      '3000',
      '--member',
      'ONE',
    );
    expect(created).toEqual({ code: 0, out: 'create-mirror done\n', err: '' });
    expect(await run('mirror', 'edit', 'A', '--arbiter', 'none')).toMatchObject({
      code: 1,
      err: 'caretmirror: the rules say no\n',
    });
    await run('mirror', 'edit', 'A', '--compression-failover', 'lz4', '--compression-async', 'compressed with ZSTD');
    expect(await run('mirror', 'edit', 'A', '--compression-async', 'rar')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--compression-async rar: it is one of system, none, zlib, zstd, lz4'),
    });
    expect(await run('database', 'create', 'A', 'd', '--mirrored')).toMatchObject({ code: 0 });
    expect(performed(directory)).toMatchObject([
      {
        command: 'create-mirror',
        arguments: {
          enableService: true,
          mirror: 'M',
          member: 'ONE',
          qosTimeoutMs: 3000,
          arbiter: { host: '127.0.0.9', port: 2190 },
        },
      },
      { command: 'edit-mirror', arguments: { arbiter: null } },
      {
        command: 'edit-mirror',
        arguments: { compressionFailover: 'Compressed with LZ4', compressionAsync: 'Compressed with Zstd' },
      },
      { command: 'create-database', arguments: { database: 'd', mirrored: 'd' } },
    ]);
  });

  test('FO-075: a risky command needs the member as confirmation, and takes the situation of its dry run', async () => {
    const directory = await fresh({});
    await run('instance', 'start', 'A');
    expect(await run('mirror', 'force-primary', 'A')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--confirm A'),
    });
    expect(await run('mirror', 'force-primary', 'A', '--confirm', 'B')).toMatchObject({ code: 2 });
    expect(JSON.parse((await run('mirror', 'force-primary', 'A', '--dry-run', '--json')).out)).toMatchObject({
      situation: 41,
    });
    expect(await run('mirror', 'force-primary', 'A', '--confirm', 'a', '--situation', '41')).toMatchObject({ code: 0 });
    expect(performed(directory)).toMatchObject([{ command: 'force-primary', situation: 41 }]);
  });
});

describe('a lab of real agents and a real cable', () => {
  const status = async () => JSON.parse((await programs.run(['lab', 'status', '--json'])).out);
  afterAll(async () => {
    await programs.run(['lab', 'down', '--delete']);
  });

  test('up builds it step by step, and again does nothing; kill, cut, heal, down and delete', async () => {
    const up = await programs.run(['lab', 'up', '--qos', '1500']);
    expect(up).toMatchObject({ code: 0, out: '' });
    const { target, members } = await status();
    const labels = members.map((each: { label: string; type: string; status: string }) => [
      each.label,
      each.type,
      each.status,
    ]);
    expect(labels).toEqual([
      ['A', 'Failover', 'Primary'],
      ['B', 'Failover', 'Backup'],
      ['C', 'Disaster Recovery', 'Connected'],
      ['X', 'Arbiter', 'Up'],
    ]);
    expect(target).toBe(`mirror://${members[0].address}:1972,${members[1].address}:1972/LAB`);
    const asked = (label: string) => performed(join(programs.home, 'lab', label, 'instances', label));
    expect(asked('A').map(({ command }) => command)).toEqual([
      'enable-mirror-service',
      'create-mirror',
      'create-database',
    ]);
    expect(asked('A')[1]).toMatchObject({
      arguments: { qosTimeoutMs: 1500, arbiter: { host: members[3].address, port: 2188 } },
    });
    expect(asked('C')[1]).toMatchObject({
      arguments: { type: 'Disaster Recovery', otherAgentAddress: members[0].address, otherInstance: 'A' },
    });
    const links = JSON.parse(readFileSync(join(programs.home, 'lab', 'A', 'links.json'), 'utf8'));
    expect(Object.keys(links).filter((each) => each !== 'checksum')).toHaveLength(5);

    expect(await programs.run(['lab', 'up'])).toMatchObject({ code: 0, err: expect.not.stringContaining('creating') });
    expect(asked('A')).toHaveLength(3);
    expect(await programs.run(['lab', 'cut', 'a', 'b'])).toMatchObject({ code: 0 });
    expect(await programs.run(['lab', 'cut', 'A', 'Q'])).toMatchObject({ code: 1 });
    expect(await programs.run(['lab', 'heal'])).toMatchObject({ code: 0 });
    await programs.run(['lab', 'kill', 'B', '--host']);
    await programs.run(['lab', 'kill', 'X']);
    const statuses = (await status()).members.map((each: { status: string }) => each.status);
    expect(statuses).toEqual(['Primary', 'Down', 'Connected', 'Down']);
    expect(await programs.run(['lab', 'up'])).toMatchObject({ code: 0 });
    expect(await programs.run(['lab', 'down'])).toMatchObject({ code: 0 });
    expect((await status()).members.map((each: { status: string }) => each.status)).toEqual([
      'Down',
      'Down',
      'Down',
      'Down',
    ]);
    expect(await programs.run(['lab', 'heal'])).toMatchObject({ code: 4 });
    expect(await programs.run(['lab', 'down', '--delete'])).toMatchObject({ code: 0 });
    expect(await programs.run(['lab', 'status'])).toMatchObject({ code: 1 });
  }, 60_000);
});
