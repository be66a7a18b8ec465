/** Every decision table by the name of its constant. test/mirror/failover-table.test.ts fails when one of src/mirror is missing. */
import { agentRows } from './agent-rows.ts';
import { arbiterRows } from './arbiter-rows.ts';
import { downRows } from './down-rows.ts';
import { helloRows } from './hello-rows.ts';
import { hungRows } from './hung-rows.ts';
import { lostBackupRows } from './lost-backup-rows.ts';
import { promotionRows } from './promotion-rows.ts';
import type { TableTest } from './row-play.ts';
import { stopRows } from './stop-rows.ts';
import { troubleEndRows } from './trouble-end-rows.ts';

export const tableTests: Readonly<Record<string, TableTest>> = {
  arbiterTable: arbiterRows,
  lostBackupTable: lostBackupRows,
  troubleEndTable: troubleEndRows,
  downTable: downRows,
  helloTable: helloRows,
  promotionTable: promotionRows,
  stopTable: stopRows,
  hungTable: hungRows,
  agentTable: agentRows,
};
