/** Lines for messages.log and iscagent.log: only what the table has can be written, with all its facts. */
import { agentLogRows, logRows } from './log-table.ts';

type Table = typeof logRows;
type AgentTable = typeof agentLogRows;
export type LogMessage = keyof Table;
export type AgentLogMessage = keyof AgentTable;

type FactsIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | FactsIn<Rest> : never;
type Fact = string | number | boolean | null;
type FactsOf<Text> = [FactsIn<Text>] extends [never] ? [] : [facts: Readonly<Record<FactsIn<Text>, Fact>>];

export type LogFacts<M extends LogMessage> = FactsOf<Table[M]['text']>;
export type WriteLog = <M extends LogMessage>(message: M, ...facts: LogFacts<M>) => void;
export type WriteAgentLog = <M extends AgentLogMessage>(message: M, ...facts: FactsOf<AgentTable[M]['text']>) => void;

declare const fromTable: unique symbol;

/** Made here only, so that nobody can write what the table does not have. */
export interface LogLine {
  readonly severity: 0 | 1 | 2 | 3;
  readonly category: string;
  readonly text: string;
  readonly [fromTable]: true;
}

export function logLine<M extends LogMessage>(message: M, ...facts: LogFacts<M>): LogLine {
  return filled(logRows[message], facts[0]);
}

export function agentLogLine<M extends AgentLogMessage>(message: M, ...facts: FactsOf<AgentTable[M]['text']>): LogLine {
  return filled(agentLogRows[message], facts[0]);
}

/** Where an instance is in several mirrors a line says which one it is about. */
export function aboutMirror(line: LogLine, mirror: string | undefined): LogLine {
  return mirror === undefined ? line : { ...line, text: `Mirror ${mirror}: ${line.text}` };
}

function filled(
  { severity, category, text }: Omit<LogLine, typeof fromTable>,
  facts: Readonly<Record<string, Fact>> = {},
): LogLine {
  const words = text.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? '?'));
  return { severity, category, text: words } as LogLine;
}
