# SPDX-License-Identifier: Apache-2.0
"""The base of these tests: a workspace that is shared, on a host where others run sandboxes, too."""
import os

import support


class Tests(support.Tests):
    def setUp(self):
        super().setUp()
        self.workspace = self.make_folder('workspace')

    def _leaked_cgroups(self):
        """Only our sandboxes': in the time an agent takes, somebody else's may end badly."""
        vms = os.path.join(self.state, 'vms')
        own = os.listdir(vms) if os.path.isdir(vms) else []
        return [folder for folder in super()._leaked_cgroups() if folder.endswith(tuple(own))]
