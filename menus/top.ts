/** The three entries that every member of a mirror sees. */
import type { Menu } from './menu.ts';
import { mirrorConfiguration } from './mirror-configuration.ts';
import { mirrorManagement } from './mirror-management.ts';
import { mirrorStatus } from './mirror-status.ts';

export const top: Menu = {
  title: 'Mirror',
  options: [
    {
      label: 'Mirror Status',
      help: 'Lists and the status monitor. Changes nothing.',
      leadsTo: mirrorStatus,
    },
    {
      label: 'Mirror Management',
      help: 'Mirrored databases, roles of the failover members, stopping and starting mirroring.',
      leadsTo: mirrorManagement,
    },
    {
      label: 'Mirror Configuration',
      help: 'Settings and members of the mirror.',
      leadsTo: mirrorConfiguration,
    },
  ],
};
