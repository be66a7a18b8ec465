/** Who may import whom, by dependency-cruiser; and that it really saw every module (under TypeScript 7 it sees none). */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cruise } from 'dependency-cruiser';

const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const rooms = ['src', 'menus', 'test'];
const sources = rooms.flatMap((room) =>
  readdirSync(room, { recursive: true })
    .map((name) => `${room}/${name}`)
    .filter((name) => name.endsWith('.ts')),
);
const { output } = await cruise([...rooms, 'bin'], { ...options, ruleSet: { forbidden }, validate: true });
const seen = new Set(output.modules.map((module) => module.source));
const unseen = sources.filter((source) => !seen.has(source));
for (const { rule, from, to } of output.summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
for (const source of unseen) console.error(`not seen by the layer check: ${source}`);
console.log(
  `layers: ${sources.length} modules, ${output.summary.violations.length} violations, ${unseen.length} unseen`,
);
process.exitCode = output.summary.violations.length + unseen.length === 0 ? 0 : 1;
