/**
 * Negative controls: each mutant breaks one safeguard of src/mirror. `changes` are pairs of what stands in the source and what
 * the mutant has instead; a text that does not occur any more is an error. `config` is the configuration of the explorer that
 * kills it; where `survives` is given, it reaches its fixpoint there without a broken promise, because another safeguard stands
 * behind it, and which one. `stories` is the same for the random stories of scripts/mutants.mjs: why they do not notice.
 */
const byExplorer = 'the explorer kills it; too rare for random stories';

export const mutants = [
  {
    name: 'hello-keeps-active',
    changes: [["giveUpActive(step, 'FO-022', 'this member says hello');", '']],
    config: 'pair, a cut',
    survives: 'the record of the primary, which has let it go, names it no more, and WELCOME clears it',
    stories: 'WELCOME clears it as well; the unit test of FO-018 catches it',
  },
  {
    name: 'hello-and-welcome-keep-active',
    changes: [
      ["giveUpActive(step, 'FO-022', 'this member says hello');", ''],
      ['    wasActive: null,\n    noFailover', '    noFailover'],
    ],
    config: 'pair, a death',
    survives: 'its window is closed after a restart, and the record of the primary names it no more',
    stories: 'harmless, as in the explorer',
  },
  {
    name: 'any-answer-of-the-agent',
    changes: [
      [
        "if (state.role !== 'seeking' || state.seeking.request !== event.request) return;",
        "if (state.role !== 'seeking') return;",
      ],
    ],
    config: 'pair, a death',
    survives: 'whoever says hello is not active, and a journal is handed out only of an instance that is down',
    stories: 'harmless, as in the explorer',
  },
  {
    name: 'no-fetch',
    changes: [["if (verdict.outcome === 'take-over') {", 'if (verdict.outcome !== null) {']],
    config: 'pair',
  },
  {
    name: 'restart-without-asking',
    changes: [
      [
        'if (settings.partner === null) return startAlone(step);',
        'if (settings.partner === null || state.record.primaryOfEpoch) return startAlone(step);',
      ],
    ],
    config: 'arbiter, a death',
  },
  {
    name: 'trouble-times-out-in-arbiter-mode',
    changes: [["kind === 'timed' ? step.nowMs", "kind !== '' ? step.nowMs"]],
    config: 'arbiter, a cut',
  },
  {
    name: 'acknowledges-in-trouble',
    changes: [['if (serving.trouble !== null) return;', '']],
    config: 'pair, a cut',
  },
  {
    name: 'does-not-wait-for-backup',
    changes: [
      [
        'serving.counted === null ? journal.flushed : earlier(journal.flushed, serving.ackedByCounted)',
        'journal.flushed',
      ],
    ],
    config: 'pair, a death',
  },
  {
    name: 'does-not-wait-for-own-flush',
    changes: [['earlier(journal.flushed, serving.ackedByCounted)', 'serving.ackedByCounted']],
    config: 'pair, a cut',
  },
  {
    name: 'counts-late',
    changes: [
      [
        'counted: { member: other.name, term, confirmed: false }, ackedByCounted: journal.durable',
        'counted: null, ackedByCounted: journal.durable',
      ],
      [
        "state.role !== 'primary' || serving.counted !== null ||",
        "state.role !== 'primary' || serving.counted !== null || state.record.activeBackup !== null ||",
      ],
      [
        '  const { counted, trouble } = state.serving;\n  const counts',
        `  if (state.serving.counted === null && message.term > 0 && message.term === state.serving.term)
    setServing(step, { counted: { member: served.name, term: message.term, confirmed: false } });
  const { counted, trouble } = state.serving;\n  const counts`,
      ],
    ],
    config: 'pair, joining',
  },
  {
    name: 'record-keeps-active-backup',
    changes: [['saveRecord(step, { activeBackup: null });', '']],
    config: 'pair',
  },
  {
    name: 'active-before-stored',
    changes: [
      [
        'if (activating == null || comparePositions(journal.flushed, activating.upTo) < 0) return;',
        'if (activating == null) return;',
      ],
    ],
    config: 'pair, catching up',
    stories: 'the data arrives before the activation, so only a lost tail shows it; the unit test of FO-015 catches it',
  },
  {
    name: 'leaves-before-left',
    changes: [['setServing(step, { leaving: true });', "setServing(step, { leaving: true, mode: 'agent' });"]],
    config: 'arbiter',
  },
  {
    name: 'epoch-not-compared',
    changes: [['if (reigns && envelope.epoch.number > state.record.epoch.number) return', 'if (false) return']],
    config: 'arbiter, primary cut off',
  },
  {
    name: 'epoch-not-raised',
    changes: [['number: heard + 1', 'number: Math.max(1, heard)']],
    config: 'pair, a death',
  },
  {
    name: 'any-member-takes-consent',
    changes: [
      [
        "newer: 'theirs', outcome: 'refuse', spec: 'FO-061', because: 'the other was the last",
        "newer: 'theirs', outcome: 'consent', spec: 'FO-061', because: 'the other was the last",
      ],
    ],
    config: 'pair, two deaths',
  },
  {
    name: 'running-is-down',
    changes: [
      ["epoch: 'not-lower', outcome: 'running', spec: 'FO-022'", "epoch: 'not-lower', outcome: 'down', spec: 'FO-022'"],
    ],
    config: 'pair, a cut',
  },
  {
    name: 'hung-is-down-without-a-kill',
    changes: [
      [
        "instance: 'hung', epoch: 'not-lower', outcome: 'kill-then-down', spec: 'FO-026'",
        "instance: 'hung', epoch: 'not-lower', outcome: 'down', spec: 'FO-026'",
      ],
    ],
    config: 'pair, hang',
    stories: byExplorer,
  },
  {
    name: 'stale-primary-is-left-alive',
    changes: [
      [
        "instance: 'serves-as-primary', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-009'",
        "instance: 'serves-as-primary', epoch: 'lower', outcome: 'running', spec: 'FO-009'",
      ],
      [
        "instance: 'serves-as-primary', epoch: 'lower', outcome: 'kill-then-down', spec: 'FO-039'",
        "instance: 'serves-as-primary', epoch: 'lower', outcome: 'running', spec: 'FO-039'",
      ],
    ],
    config: 'arbiter, a cut',
    survives:
      'a stale primary is in trouble without a limit and acknowledges nothing; users and reads are at risk, and it stops at first contact',
    stories: 'a stale primary is in trouble without a limit and acknowledges nothing',
  },
  {
    name: 'no-answer-means-down',
    changes: [
      [
        "    case 'nothing':\n",
        "    case 'nothing':\n      if (state.record.wasActive !== null) return becomePrimary(step, 'agent-down', 'FO-023', 'a mutant');\n",
      ],
    ],
    config: 'pair, agent dies',
    stories: byExplorer,
  },
  {
    name: 'never-in-any-session',
    changes: [['return hasSession(step) && arbiter.session === serving.modeSession;', 'return hasSession(step);']],
    config: 'arbiter, half entered',
    stories: 'needs three faults in one exact order; the unit test of FO-036 catches it',
  },
  {
    name: 'window-from-receipt',
    changes: [['sent.atMs + lengthMs', 'step.nowMs + lengthMs * 2']],
    config: 'pair, late keep-alive',
    stories: 'needs a record that cannot be read at the right time; the unit test of FO-023 catches it',
  },
  {
    name: 'window-survives-arbiter-mode',
    changes: [['state.windowUntilMs = 0;\n  setAttachment(step, { mode: ready', 'setAttachment(step, { mode: ready']],
    config: 'entry, a death',
    survives: 'leaving arbiter controlled mode closes the window, too',
    stories: 'needs a record that cannot be read at the right time; the unit test of FO-041 catches it',
  },
  {
    name: 'window-survives-arbiter-mode-and-its-end',
    changes: [
      ['state.windowUntilMs = 0;\n  setAttachment(step, { mode: ready', 'setAttachment(step, { mode: ready'],
      ["step.state.windowUntilMs = 0;\n  setAttachment(step, { mode: 'agent'", "setAttachment(step, { mode: 'agent'"],
      ["step.state.windowUntilMs = 0;\n  note(step, 'agent controlled mode'", "note(step, 'agent controlled mode'"],
    ],
    config: 'arbiter, gone on alone',
    stories: 'needs a record that cannot be read at the right time',
  },
  {
    name: 'trouble-ends-before-the-window',
    changes: [['trouble?.untilMs != null && !isWindowOpen', 'trouble?.untilMs != null']],
    config: 'pair, cut apart, after the window',
    stories: 'a time of the explorer; the stories have clocks',
  },
  {
    name: 'no-cut',
    changes: [["cut-journal', to: common, because: `", "cut-journal', to: step.state.journal.appended, because: `"]],
    config: 'pair, lost tail',
  },
  {
    name: 'licence-for-each-asker',
    changes: [
      [
        'if (period.licensed !== 0) {',
        "if (entry) return tell(work, entry, { type: 'gone', epoch, term });\n  if (period.licensed !== 0) {",
      ],
    ],
    config: 'arbiter, a cut',
  },
  {
    name: 'arbiter-forgets-whom-it-licensed',
    changes: [
      [
        'work.periods.set(entry.mirror, { ...period, licensed: entry.session, asking: [] });',
        'work.periods.set(entry.mirror, { ...period, asking: [] });',
      ],
    ],
    config: 'arbiter, a cut',
    survives: 'a licence dies with its session, and the other of the two has lost his',
    stories: 'harmless, as in the explorer',
  },
  {
    name: 'arbiter-forgets-and-licences-survive',
    changes: [
      [
        'work.periods.set(entry.mirror, { ...period, licensed: entry.session, asking: [] });',
        'work.periods.set(entry.mirror, { ...period, asking: [] });',
      ],
      ['if (!known || !period.sessions.includes(entry.session)) {', 'if (!known) {'],
      ['  const other = attachment.asking ?', '  if (attachment.asking) return;\n  const other = attachment.asking ?'],
      [
        'return sessionOpened(now, event.session);',
        `sessionOpened(now, event.session);
      if (state.attachment?.asking)
        now.effects.push({
          type: 'tell-arbiter',
          message: { type: 'peer-lost', epoch: state.record.epoch, term: state.attachment.modeTerm },
        });
      return;`,
      ],
    ],
    config: 'arbiter, backup cut off',
    stories: byExplorer,
  },
  {
    name: 'arbiter-says-gone-at-once',
    changes: [['if (other === undefined) return license', 'if (other === undefined || true) return license']],
    config: 'arbiter, a cut',
    survives: 'safe as long as only one hears it; the role moves needlessly',
    stories: 'safe as long as only one hears it; the tests of the arbiter catch it',
  },
  {
    name: 'licence-in-any-mode',
    changes: [["    if (attachment.mode !== 'arbiter') {", '    if (false) {']],
    config: 'before entry, a cut',
    survives:
      'whoever asks has said that it is ready, and the arbiter sends ENTERED before the licence on the same connection',
    stories: 'the arbiter sends ENTERED before the licence on the same connection',
  },
  {
    name: 'present-keeps-active',
    changes: [['giveUpActive(step, verdict.spec, verdict.because);\n    step.effects', 'step.effects']],
    config: 'arbiter, a cut',
    survives: 'the record of the primary names it no more',
    stories: 'the record of the primary no longer names it; the unit test of FO-040 catches it',
  },
  {
    name: 'applies-what-is-only-flushed',
    changes: [
      [
        'if (comparePositions(attachment.durableTo, journal.durable) > 0) setJournal(step, { durable: attachment.durableTo });',
        'setJournal(step, { durable: journal.flushed });',
      ],
    ],
    config: 'pair, lost tail',
  },
  {
    name: 'async-gets-undurable',
    changes: [['served.failoverMember ? appended : durable', 'appended']],
    config: 'pair, a cut',
    survives: 'the explorer has no async members',
    stories: 'an async applies only what is durable and cuts the rest when it joins the next primary',
  },
  {
    name: 'goes-on-after-asking-for-takeover',
    changes: [
      [
        "finishStop(step, 'stopped; the backup is gone and settles its role with the agent');\n    return;",
        "enterRole(step, 'primary'); setServing(step, { counted: null, mode: 'agent' }); advanceDurable(step); step.effects.push({ type: 'admit-updates' });\n    return;",
      ],
      [
        "import { agoMs, log, note, saveRecord } from './step.ts';",
        "import { agoMs, enterRole, log, note, saveRecord } from './step.ts';",
      ],
    ],
    config: 'arbiter, hand over',
  },
  {
    name: 'left-notice-without-term',
    changes: [
      [
        'if (message.term !== serving.modeTerm || !sameEpoch',
        "if ((message.type !== 'left-notice' && message.term !== serving.modeTerm) || !sameEpoch",
      ],
    ],
    config: 'arbiter, late left notice',
    stories: 'needs two activations and a late message; the unit test of FO-035 catches it',
  },
  {
    name: 'entered-after-leaving',
    changes: [["if (attachment.mode !== 'ready') return;", '']],
    config: 'arbiter, half entered',
    stories: 'needs one message to overtake another on two channels; the unit test of FO-029 catches it',
  },
  {
    name: 'welcome-keeps-active',
    changes: [['wasActive: null,\n    noFailover', 'noFailover']],
    config: 'pair, a cut',
    survives: 'the hello has cleared it before',
    stories: 'the hello has cleared it before',
  },
  {
    name: 'names-me-without-term',
    changes: [['record.activeBackup.term === wasActive.term &&', '']],
    config: 'pair, two deaths',
    survives: 'a member that holds an earlier activation has not said hello since, and only a hello begins a later one',
    stories: 'needs an activation that was given up and one that never came; the unit test of FO-024 catches it',
  },
  {
    name: 'history-not-followed',
    changes: [
      ['  journal.history = attachment.history.filter((beginning) => beginning.epoch <= message.to.epoch);\n', ''],
    ],
    config: 'pair, lost tail',
  },
  {
    name: 'old-hello-counts',
    changes: [['  if (isOlder) {', '  if (false) {']],
    config: 'arbiter, overtaken hello',
    stories: 'needs a hello that is overtaken by a later one',
  },
  {
    name: 'no-failover-ignored-by-licence',
    changes: [
      [
        "if (state.record.noFailover) {\n      log(step, 'did-not-take-over', { rules: 'FO-072', because: 'no failover is set' });",
        "if (false) {\n      log(step, 'did-not-take-over', { rules: 'FO-072', because: 'no failover is set' });",
      ],
    ],
    config: 'arbiter, no failover',
    stories: byExplorer,
  },
  {
    name: 'no-failover-ignored-after-agent',
    changes: [["if ((state.record.noFailover || theirs) && facts.record !== 'mine-is-newer') {", 'if (false) {']],
    config: 'pair, no failover',
    stories: byExplorer,
  },
  {
    name: 'force-keeps-the-lineage',
    changes: [
      [
        "'an operator forced it', { lineage, seen: { evidence } });",
        "'an operator forced it', { lineage: lineage && undefined, seen: { evidence } });",
      ],
    ],
    config: 'pair, force',
    stories: byExplorer,
  },
  {
    name: 'reign-not-heard',
    changes: [['if (reigns && isOther) haltAsSplit(step, envelope.from);\n  else if', 'if']],
    config: 'resume',
    stories: byExplorer,
  },
  {
    name: 'right-survives-its-role',
    changes: [['  step.state.right = null;\n  step.state.becoming = null;\n', '']],
    config: 'pair, right held',
    stories: byExplorer,
  },
  {
    name: 'resume-keeps-the-epoch',
    changes: [
      [
        '  // A person who resumes a primary makes it go on; nothing of it was closed.\n  if (right',
        "  if (right === 'resume') return open(step);\n  if (right",
      ],
    ],
    config: 'resume',
    stories: byExplorer,
  },
  {
    name: 'hung-primary-hands-over-what-it-lacks',
    changes: [
      ['const final = serving.hung ? serving.ackedByCounted : journal.appended;', 'const final = journal.durable;'],
    ],
    config: 'pair, standstill',
    survives: 'nothing is durable that the backup has not acknowledged',
    stories: 'harmless, as in the explorer',
  },
  {
    name: 'removed-keeps-active',
    changes: [
      ['giveUpActive(step, spec, because);\n  saveRecord(step, changes);', 'saveRecord(step, changes);'],
      ['return isRemoved(record.removed);', 'return null;'],
      ["if (removed !== null) return { spec: 'CFG-069'", "if (false) return { spec: 'CFG-069'"],
    ],
    config: 'pair, removal and a death',
  },
  {
    name: 'forgets-before-it-was-told',
    changes: [
      [
        '!members.has(name) && counted?.member !== name && trouble === null',
        "name !== '' && members !== null && counted !== undefined && trouble === null",
      ],
    ],
    config: 'pair, removal',
  },
  {
    name: 'told-before-the-backup-knows',
    changes: [['if (counted === null || keeps === undefined) return true;', 'return true;']],
    config: 'pair, removal',
    survives: 'nobody is told anything there',
  },
  {
    name: 'agent-vouches-for-a-removed-one',
    changes: [
      [
        'isNewerSet(set, known) ? set.removed?.find((each) => each.name === name) : undefined',
        'isNewerSet(known, set) ? set.removed?.find((each) => each.name === name) : undefined',
      ],
    ],
    config: 'pair, away and removed',
  },
  {
    name: 'takes-in-whom-it-has-removed',
    changes: [['memberNamed(mirrorSet, envelope.from) === undefined', 'false']],
    config: 'pair, joining and removed',
  },
  {
    name: 'replaced-member-halts-the-promoted-one',
    changes: [['if (known.names.includes(from)) return false;', "if (from !== '') return false;"]],
    config: 'promotion',
    survives:
      'nobody is promoted by force there, and after a force a halt breaks no promise of the search; test/mirror/reign.test.ts catches it',
    stories: 'none of forty stories in which persons force noticed it',
  },
  {
    name: 'goes-on-becoming-though-replaced',
    changes: [['if (!state.failoverMember) endAsNoMember(step, from);\n      return;\n    case', 'return;\n    case']],
    config: 'promotion',
    survives: 'nobody becomes primary there while the list changes; test/mirror/becoming.test.ts catches it',
    stories: 'none of forty stories in which persons force noticed it',
  },
  {
    name: 'pairs-with-anybody-as-if-it-were-the-last-primary',
    changes: [["verdict.outcome === 'pair' && chosen === lastPrimary(downs)", "verdict.outcome !== 'alone-by-force'"]],
    config: 'three, A ahead',
    stories: byExplorer,
  },
  {
    name: 'promoted-by-force-in-the-old-history',
    changes: [['given.lineage ?? promoted?.lineage ?? null', 'given.lineage ?? null']],
    config: 'promotion',
    survives: 'nobody is promoted by force there; the stories catch it',
  },
  {
    name: 'promoted-in-spite-of-the-hold',
    changes: [
      [
        "if (state.record.noFailover && !state.record.primaryOfEpoch) {\n    return refuseToTakeOver(step, 'FO-072'",
        "if (promoted === null && state.record.noFailover && !state.record.primaryOfEpoch) {\n    return refuseToTakeOver(step, 'FO-072'",
      ],
    ],
    config: 'three, hold',
    stories: byExplorer,
  },
  {
    name: 'demoted-keeps-active',
    changes: [['({ wasActive: null } as const)', '({ validatedMember: true } as const)']],
    config: 'three, demotion',
    survives: 'who is no failover member takes over by no table, and WELCOME clears it',
    stories: 'harmless, as in the explorer',
  },
  {
    name: 'arrives-before-the-other-has-left',
    changes: [['if (!hasRights && !isConnected) {', 'if (hasRights !== null && isConnected !== null) {']],
    config: 'promotion',
    survives: 'the primary takes the backup that is none any more for lost, and is in trouble until it has no right',
    stories: 'harmless, as in the explorer',
  },
];
