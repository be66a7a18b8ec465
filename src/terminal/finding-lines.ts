/** What was found before a command, in sentences; for the routine and the command line. */
import { wording } from '../../menus/wording.ts';
import type { Finding } from '../protocol/assessment.ts';
import { fill } from './screen.ts';

/** An older instance finds nothing; one that is newer may say what is not known here. */
export function findingSentences(findings: readonly Finding[] = []): readonly string[] {
  const texts: Readonly<Record<string, string>> = wording.preflight;
  return findings.flatMap(({ says, facts }) => (says in texts ? [fill(texts[says] ?? '', facts)] : []));
}
