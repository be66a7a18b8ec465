/** Mirror Status: what can be looked at. */
import type { Menu } from './menu.ts';

export const mirrorStatus: Menu = {
  title: 'Mirror Status',
  options: [
    {
      label: 'List mirrored databases',
      help: 'The mirrored databases on this member, with their full names.',
      leadsTo: { kind: 'screen', screen: 'mirrored-databases' },
    },
    {
      label: 'Display mirror status of this node',
      help: 'Role, status, failover mode and journal position of this member.',
      leadsTo: { kind: 'screen', screen: 'node-status' },
    },
    {
      label: 'Display mirror configuration',
      help: 'Settings of the mirror and the addresses of its members.',
      leadsTo: { kind: 'screen', screen: 'mirror-configuration' },
    },
    {
      label: 'Status Monitor',
      help: 'The status of all members on one page, refreshed again and again.',
      leadsTo: { kind: 'screen', screen: 'status-monitor' },
    },
  ],
};
