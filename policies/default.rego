# The policy of a sandbox that has no other: the owner's settings and consent.
package immure

import data.immure.standard

decision := standard.decision
