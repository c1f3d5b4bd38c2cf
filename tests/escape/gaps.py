# SPDX-License-Identifier: Apache-2.0
"""Known gaps: rows of the threat table that do not hold yet, each with its reason.

They run all the same: one that begins to hold is reported as a failure until it is taken off this
list, so that the list stays true. docs/threat-model.md tells what they mean.
"""
GAPS = {
    'test_C14_socket_in_a_share':
        "a host's unix socket inside a shared folder can be connected to (Landlock ABI 9 will tell)",
}

# Those that fail for one of the two users alone.
ONLY_AS_USER = set()
