import { describe, expect, test } from '@jest/globals';
import { Bench } from './bench.ts';

describe('FO-036: an answer of the arbiter counts only in the session in which the mode was proposed', () => {
  test('FO-036: "never" in a later session is no leave to go on, because the backup may hold a licence of the earlier one', () => {
    const bench = new Bench('A').primaryWithActiveBackup({ arbiter: true }).woke();
    bench.post({ type: 'arbiter-opened', session: 1000 }).proposed();
    expect(bench.effect('tell-arbiter')?.message.type).toBe('enter');
    bench.post({ type: 'arbiter-closed', reason: 'test' }).woke(300);
    bench.post({ type: 'arbiter-opened', session: 1002 });
    bench.post({ type: 'closed', connection: 7, reason: 'test' });
    const { epoch } = bench.state.record;
    bench.post({ type: 'arbiter-message', message: { type: 'never', epoch, term: bench.state.serving.modeTerm } });
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter', untilMs: null });
  });
});
