/** Databases of the Status Monitor are acted on from its page. */
import { expect, test } from '@jest/globals';
import { pipedSession } from '../fixtures/piped-session.ts';
import { database, description, report } from '../fixtures/scripted-instance.ts';

const databases = [
  database('CITIES', { mirrored: 'CITIES', status: 'Needs Catchup', needsCatchUp: true }),
  database('ORDERS', { mirrored: 'ORDERS', status: 'Needs Activation', needsCatchUp: true }),
  database('OLD', { mirrored: 'OLD', mounted: false, status: 'Database Dismounted' }),
];
const script = {
  describe: () => description('backup', { databases }),
  status: () => report('backup'),
  perform: async () => ({ ok: true, text: 'done' }) as const,
};

test('MON-013 DB-037: databases are activated and caught up, mounted, dismounted and removed, singly or on a selection', async () => {
  const session = await pipedSession(
    script,
    '1\n4\nD\nA\nact\n*\ny\nmount\nOLD\n\n\ny\ndismount\nCITIES\n\ny\nremove\nORDERS\n\ny\n\nQ\n\n\n',
  );
  expect(session.errors).toBe('');
  expect(session.exitCode).toBe(0);
  expect(session.output).toContain('A acts on databases');
  expect(session.instance.performed.map(({ command, arguments: given }) => [command, given])).toEqual([
    ['catch-up-databases', { databases: ['CITIES', 'ORDERS'] }],
    ['mount-database', { database: 'OLD', catchUp: true }],
    ['dismount-database', { database: 'CITIES' }],
    ['remove-database', { database: 'ORDERS' }],
  ]);
});

test('MON-013: nothing is acted on while no databases are shown', async () => {
  const session = await pipedSession(script, '1\n4\nA\n1\n*\ny\n');
  expect(session.exitCode).toBe(3);
  expect(session.instance.performed).toEqual([]);
});
