/** Who may import whom. docs/ARCHITECTURE.md draws the same picture; change both or neither. */
const NOT_TYPES = { dependencyTypesNot: ['type-only'] };
const adapters = '(journal|database|network|host)';
const processes = '(instance|agent|terminal|client|simulation)'; // commands/ stands above them and may use their doors

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: NOT_TYPES } },
    { name: 'nothing-imports-test', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' } },
    {
      name: 'mirror-is-pure',
      severity: 'error',
      comment: 'The rules import nothing but the rules.',
      from: { path: '^src/mirror/' },
      to: { pathNot: '^src/mirror/' },
    },
    {
      name: 'protocol-is-pure',
      severity: 'error',
      comment: "Messages know the rules' words and bytes, nothing else.",
      from: { path: '^src/protocol/' },
      to: { pathNot: '^(src/(protocol|mirror)/|(node:)?buffer$)' },
    },
    {
      name: 'adapters-stay-apart',
      severity: 'error',
      comment: "An adapter knows the rules' words and the protocol; never another adapter, a process or a menu.",
      from: { path: `^src/${adapters}/` },
      to: { path: '^(src|bin|menus)/', pathNot: '^src/($1|mirror|protocol)/' },
    },
    {
      name: 'processes-stay-apart',
      severity: 'error',
      comment: 'Processes meet on a socket, not in an import.',
      from: { path: `^src/${processes}/` },
      to: { path: `^src/${processes}/`, pathNot: '^src/$1/' },
    },
    {
      name: 'only-main-picks-adapters',
      severity: 'error',
      comment: 'The real adapters are chosen in main.ts and nowhere else.',
      from: { path: '^src/', pathNot: ['/main[.]ts$', `^src/${adapters}/`] },
      to: { path: `^src/${adapters}/(disk|lmdb|tcp|node)-` },
    },
    {
      name: 'terminal-knows-no-rules',
      severity: 'error',
      comment: "The terminal asks its instance; it may name the rules' types, never run them.",
      from: { path: '^src/(terminal|client)/' },
      to: { path: '^src/(mirror|journal|database)/', ...NOT_TYPES },
    },
    {
      name: 'sys-only-asks',
      comment:
        'The library asks an instance over its control channel, as the terminal does; its main.ts finds the instance as commands do.',
      severity: 'error',
      from: { path: '^src/sys/' },
      to: { path: '^src/(mirror|journal|database|instance|agent|client|simulation)/', ...NOT_TYPES },
    },
    {
      name: 'sys-is-found-by-main',
      severity: 'error',
      from: { path: '^src/sys/', pathNot: '/main[.]ts$' },
      to: { path: '^src/(commands|host|network)/' },
    },
    {
      name: 'only-commands-use-sys',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(commands|sys)/' },
      to: { path: '^src/sys/' },
    },
    {
      name: 'only-terminal-reads-menus',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/terminal/' },
      to: { path: '^menus/' },
    },
    { name: 'menus-are-data', severity: 'error', from: { path: '^menus/' }, to: { pathNot: '^menus/', ...NOT_TYPES } },
    {
      name: 'bin-opens-main-only',
      severity: 'error',
      from: { path: '^bin/' },
      to: { path: '^(dist/)?(src|menus)/', pathNot: '^(dist/)?src/(commands|instance|agent|terminal)/main[.](js|ts)$' },
    },
    {
      name: 'files-only-in-host',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/host/' },
      to: { path: '^(node:)?fs(/promises)?$' },
    },
    {
      name: 'sockets-only-in-network',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/network/' },
      to: { path: '^(node:)?(net|tls|dgram|http|https)$' },
    },
    {
      name: 'programs-only-in-host',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/host/' },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'lmdb-only-in-database',
      severity: 'error',
      from: { path: '^(src|menus|bin)/', pathNot: '^src/database/lmdb-' },
      to: { path: 'node_modules/lmdb/' },
    },
    {
      name: 'no-drawers',
      severity: 'error',
      comment: 'A name must say what is inside.',
      from: {},
      to: { path: '/(utils?|helpers?|common|misc|shared)(/|[.]ts$)', pathNot: 'node_modules' },
    },
  ],
  options: {
    doNotFollow: { path: '(node_modules|^dist)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
  },
};
