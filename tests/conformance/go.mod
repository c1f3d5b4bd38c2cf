// Names the version of OPA whose test cases tests/conformance/run asks; nothing is built of it.
module immure.invalid/conformance

go 1.19

require github.com/open-policy-agent/opa v1.15.0
