import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { asFileLine, LineAnswers } from '../../src/terminal/answers.ts';
import { connectControl, NotReachableError } from '../../src/terminal/control-client.ts';
import { expectTranscript, pipedSession, transcript } from '../fixtures/piped-session.ts';
import { description, report, type Script, startScriptedInstance } from '../fixtures/scripted-instance.ts';

const stateful = (more: Script = {}): Script => {
  let noFailover = false;
  return {
    describe: () => description('backup', { noFailover }),
    status: () => report('backup'),
    perform: async (request) => {
      if (request.command === 'change-no-failover') noFailover = request.arguments.set ?? !noFailover;
      return { ok: true, text: `No failover is ${noFailover ? 'set' : 'cleared'}.` };
    },
    ...more,
  };
};

const answers = '1\n3\n4\nd\nQ\n\n2\n4\nyes\n4\nno\n\n\n';

describe('the same answers give the same session', () => {
  const reference = pipedSession(stateful(), answers).then(transcript);

  test('byte by byte', async () => {
    expect(transcript(await pipedSession(stateful(), [...answers]))).toBe(await reference);
  });

  test('with CRLF', async () => {
    expect(transcript(await pipedSession(stateful(), answers.replaceAll('\n', '\r\n')))).toBe(await reference);
  });

  test('with a slow instance behind them', async () => {
    expect(transcript(await pipedSession(stateful({ slowMs: 15 }), answers))).toBe(await reference);
  });

  test('without a newline at the end', async () => {
    const session = await pipedSession(stateful(), '2\n4\nyes');
    expect(session.exitCode).toBe(0);
    expect(session.instance.performed).toHaveLength(1);
  });

  test('ten thousand lines', async () => {
    const session = await pipedSession(stateful(), `2\n${`4\n${'?\n'.repeat(18)}yes\n`.repeat(500)}`);
    expect(session.exitCode).toBe(0);
    expect(session.output.match(/the backup will not take over, even if|the backup may take over again/g)).toHaveLength(
      9000,
    );
    expect(session.instance.performed.map((request) => request.arguments)).toEqual(
      Array.from({ length: 500 }, (_, index) => ({ set: index % 2 === 0 })),
    );
  });

  test('no escape code is ever printed', async () => {
    const session = await pipedSession(stateful(), '2\n\x1b[31m?\n');
    expect(session.output + session.errors).not.toMatch(/\x1b/);
    expect(session.exitCode).toBe(3);
  });
});

describe('the end of the answers', () => {
  test.each(['', '2\n', '2\n4\nyes\n', '1\n\n3\n'])('at Option? it leaves all menus: %j', async (given) => {
    const session = await pipedSession(stateful(), given);
    expect([session.exitCode, session.errors]).toEqual([0, '']);
    expect(session.output).toMatch(/Option\? \n$/);
  });

  test('inside an action it abandons the action, which has changed nothing', async () => {
    const session = await pipedSession(stateful(), '2\n4\n');
    expect(session.exitCode).toBe(3);
    expect(session.errors).toBe(
      'line 3 of the answers, at "Do you want to SET \\"No Failover\\" state? <No>": the answers ended: expected Yes or No; the action was abandoned, nothing was changed\n',
    );
    expect(session.instance.performed).toEqual([]);
  });

  test.each([
    ['2\n4\nperhaps\nyes\n', 3, 'line 3 '],
    ['99\n1\n', 3, 'line 1 of the answers, at "Option?": "99" does not fit'],
    ['2\n12\n', 3, 'Mark an inactive database as caught up: it does not apply here'],
    ['mirror\n', 3, 'a longer beginning'],
    ['2\nDemote\n', 3, 'a longer beginning'],
    ['2\nchange\n^\n\n\n', 0, ''],
  ])('%j ends with %d', async (given, exitCode, line) => {
    const session = await pipedSession(stateful(), given);
    expect([session.exitCode, session.errors]).toEqual([exitCode, expect.stringContaining(line)]);
    expect(session.errors.split('\n').length).toBe(exitCode === 0 ? 1 : 2);
    expect(session.instance.performed).toEqual([]);
  });

  test('an answer that is too long does not fit', async () => {
    const session = await pipedSession(stateful(), `${'1'.repeat(100_000)}\n`);
    expect([session.exitCode, session.errors.length < 300]).toEqual([3, true]);
  });

  test('answers to questions that are no longer asked are not taken by a menu', async () => {
    const refusal = { reason: 'not-now', text: 'there is no primary to take over from', spec: null };
    const session = await pipedSession(stateful({ assess: () => refusal }), '2\n9\nyes\n4\nyes\n');
    expect(session.exitCode).toBe(1);
    expect(session.errors).toBe(
      'Force this node to become the primary: Refused: there is no primary to take over from\n',
    );
    expect(session.instance.performed).toEqual([]);
  });
});

describe('an instance that goes away', () => {
  test('before the routine starts: nothing listens', async () => {
    const instance = await startScriptedInstance(stateful());
    await instance.close();
    await expect(connectControl(instance.network, instance.path, 500)).rejects.toMatchObject({ code: 'not-reachable' });
    await expect(connectControl(instance.network, instance.path, 500)).rejects.toBeInstanceOf(NotReachableError);
  });

  test('between two actions: exit 4, one line', async () => {
    const session = await pipedSession(
      stateful({
        perform: async (_, __, connection) => {
          setImmediate(() => connection.end()); // the answer goes out first
          return { ok: true, text: 'done' };
        },
      }),
      '2\n4\nyes\n4\nyes\n',
    );
    expect(session.exitCode).toBe(4);
    expect(session.output).toMatch(/Done\nCommand line: .*\n$/);
    expect(session.errors).toMatch(/^the instance is gone: .*\n$/);
    expect(session.instance.performed).toHaveLength(1);
  });

  test('while it carries something out: the outcome is unknown, exit 5', async () => {
    const session = await pipedSession(
      stateful({
        perform: async (_, __, connection) => {
          connection.destroy();
          return { ok: true, text: 'never seen' };
        },
      }),
      '2\n4\nyes\n',
    );
    expect(session.exitCode).toBe(5);
    expect(session.errors).toMatch(/went away before it answered .* messages log\n$/);
  });
});

describe('answer files', () => {
  test('comments are left out; the lines keep their numbers', async () => {
    const file = '# set no failover\n2  # Mirror Management\n4\n   # and now?\nmaybe\n';
    const session = await pipedSession(stateful(), file, { answersFile: true });
    expect(session.exitCode).toBe(3);
    expect(session.errors).toMatch(/^line 5 of the answers/);
  });

  test('a recorded session can be replayed and gives the same', async () => {
    const first = await pipedSession(stateful(), answers);
    expect(first.recorded).toContain('# Option?\n1\n');
    expect(first.recorded).toContain('# Do you want to SET "No Failover" state? <No>\nyes\n');
    const second = await pipedSession(stateful(), first.recorded, { answersFile: true });
    expect(transcript(second)).toBe(transcript(first));
    expect(second.recorded).toBe(first.recorded);
  });

  test.each(['#', '# all', '/data/my #1', '/data/#1', '\\#', 'a \\\\# # b', '  #', ''])(
    'an answer that looks like a comment is recorded so that it is taken again: %j',
    async (answer) => {
      const source = Readable.from([Buffer.from(`# Directory?\n${asFileLine(answer)}\n`)]);
      const taken = await new LineAnswers(source, () => {}, true).next({ prompt: '' });
      expect(taken).toMatchObject({ kind: 'line', text: answer, number: 2 });
    },
  );
});

describe('the prompt of an instance', () => {
  test('starts the routine, knows the other routines by name, and halts', async () => {
    const session = await pipedSession(
      stateful(),
      'zn "%SYS"\nd ^MIRROR\n\ndo ^DBREST\n4\ndo ^SECURITY\n^mirror\n\n?\nhalt\n',
      {
        prompt: true,
      },
    );
    expectTranscript('instance-prompt', session);
  });

  test('what it does not understand ends a piped session', async () => {
    const session = await pipedSession(stateful(), 'set ^A=1\n', { prompt: true });
    expect([session.exitCode, session.errors]).toEqual([3, expect.stringContaining('do ^MIRROR')]);
  });
});
