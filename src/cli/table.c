// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation: there is none; this is the table. Options that mean the same in several
 * commands stand here once, in a group which their rows share. To add an option, add a row: it then
 * parses, is in --help, in the man page and in three shells' completions. To add a command, add a
 * row, a prototype to commands.h and cli_NAME.c to meson.build.
 */
#include "cli/commands.h"

#define SIGNALS "TERM KILL INT HUP QUIT USR1 USR2"

static const struct cli_option sandbox_options[] = {
	{ "volume", 'v', CLI_VOLUME, true, "HOST:PATH[:ro]",
	  "share the host's file or folder HOST as PATH, with \":ro\" only for reading",
	  "vfs.direct_mounts", NULL },
	{ "tmpfs", 0, CLI_TMPFS, true, "PATH[:SIZE]",
	  "put an empty folder in memory at PATH, which may hold SIZE", "vfs.mounts", NULL },
	{ "rootfs", 0, CLI_FOLDER, false, "DIR",
	  "take DIR as the root instead of the host's system folders", "rootfs", NULL },
	{ "image", 0, CLI_WORD, false, "NAME",
	  "take the image NAME as the root; \"standard\", the default, is the host's system "
	  "folders",
	  "image", "standard" },
	{ "cpus", 0, CLI_REAL, false, "N",
	  "use at most N processors, for example 1.5; refused where no cgroup can hold it",
	  "resources.cpus", NULL },
	{ "memory", 0, CLI_SIZE, false, "SIZE",
	  "use at most SIZE of memory, for example 512M or 2G; refused where no cgroup can hold it",
	  "resources.memory_mb", NULL },
	{ "disk", 0, CLI_SIZE, false, "SIZE", "write at most SIZE to the scratch folders",
	  "resources.disk_mb", NULL },
	{ "processes", 0, CLI_COUNT, false, "N", "have at most N processes and threads at a time",
	  "resources.processes", NULL },
	{ "timeout", 0, CLI_DURATION, false, "DURATION",
	  "end the sandbox after DURATION, for example 90s, 5m or 2h", "resources.timeout_seconds",
	  NULL },
	{ "user", 0, CLI_COUNT, false, "UID",
	  "let the program see itself as UID; on the host it is never more than you", "user",
	  NULL },
	{ "hostname", 0, CLI_WORD, false, "NAME",
	  "let the program see NAME as the name of its host", "hostname", NULL },
	{ "allow-host", 0, CLI_LIST, true, "PATTERN",
	  "let the program reach a host: a name, *.example.com for all below it, an address or "
	  "prefix, each perhaps with :PORT",
	  "network.allowed_hosts", NULL },
	{ "allow-private", 0, CLI_LIST, true, "NAME|CIDR",
	  "let an allowed host have private addresses; this machine's own only by address",
	  "network.allow_private", NULL },
	{ "add-host", 0, CLI_HOST, true, "NAME:ADDRESS",
	  "give an allowed name this address; no resolver is asked for it", "network.hosts", NULL },
	{ "secret", 0, CLI_SECRET, true, "NAME@HOST[,HOST]",
	  "let the program use your variable NAME without seeing it: its own holds a placeholder, "
	  "in whose place the value is sent in headers to these hosts",
	  "network.secrets", NULL },
	{ "dns-server", 0, CLI_LIST, true, "ADDRESS[:PORT]",
	  "ask this resolver for allowed names, not those of the host", "network.dns_servers",
	  NULL },
	{ "publish", 'p', CLI_LIST, true, "[[ADDRESS:]HOST_PORT:]PORT|auto",
	  "let TCP port PORT of the program be reached from outside, at HOST_PORT of ADDRESS, "
	  "which "
	  "is 127.0.0.1 if not given; HOST_PORT 0 is any that is free, see \"immure list\"; "
	  "\"auto\" "
	  "stands for each port it listens at, while it does",
	  "network.publish", NULL },
	{ "upstream-ca", 0, CLI_FILE, false, "FILE",
	  "judge the servers it reaches also by the certificates in FILE, PEM", "network.ca_file",
	  NULL },
	{ "upstream-proxy", 0, CLI_WORD, false, "URL",
	  "reach all that is allowed by the proxy URL, http://[USER:PASSWORD@]HOST:PORT, not by "
	  "what "
	  "HTTPS_PROXY says; \"none\": by none",
	  "network.proxy", "none" },
	{ "app", 0, CLI_WORD, false, "NAME", "it is the app NAME, for its policy and the audit log",
	  "app", NULL },
	{ "audit", 0, CLI_FLAG, false, NULL,
	  "allow all that it does, and record it; addresses that are not public stay refused",
	  "mode", "audit" },
	{ "ask", 0, CLI_FLAG, false, NULL,
	  "ask for a yes or no before it does what no rule speaks of", "mode", "ask" },
	{ "policy", 0, CLI_FILE, false, "FILE",
	  "let the policy FILE decide what it may do, a module in Rego, a folder of them or a "
	  "bundle; \"immure policy\" tells more",
	  "policy", NULL },
	{ "allow-degraded", 0, CLI_LIST, true, "WALL",
	  "start even if this host cannot raise WALL; \"immure doctor\" names the walls",
	  "allow_degraded", NULL },
	{ "rm", 0, CLI_FLAG, false, NULL,
	  "remove its record and logs when it has ended, unless it crashed", "remove", NULL },
	{ "config", 'c', CLI_FILE, false, "FILE",
	  "read the settings of FILE first; options are laid over them", NULL, NULL },
	{ 0 },
};

static const struct cli_option process_options[] = {
	{ "env", 'e', CLI_ENV, true, "NAME[=VALUE]",
	  "set a variable of the environment; NAME alone takes the value it has here", "env",
	  NULL },
	{ "workdir", 'w', CLI_WORD, false, "PATH", "start in PATH, a folder inside", "working_dir",
	  NULL },
	{ 0 },
};

static const struct cli_option terminal_options[] = {
	{ "tty", 't', CLI_FLAG, false, NULL, "give the program a terminal of its own", NULL, NULL },
	{ "no-tty", 'T', CLI_FLAG, false, NULL,
	  "give it pipes; the default unless standard input and output are a terminal", NULL,
	  NULL },
	{ 0 },
};

static const struct cli_option run_options[] = {
	{ "log", 0, CLI_FLAG, false, NULL, "also keep the output for \"immure logs\"", NULL, NULL },
	{ 0 },
};

static const struct cli_option exec_options[] = {
	{ "timeout", 0, CLI_DURATION, false, "DURATION", "end this program after DURATION", NULL,
	  NULL },
	{ 0 },
};

static const struct cli_option json_options[] = {
	{ "json", 0, CLI_FLAG, false, NULL, "print JSON", NULL, NULL },
	{ 0 },
};

static const struct cli_option list_options[] = {
	{ "running", 0, CLI_FLAG, false, NULL, "only those that run", NULL, NULL },
	{ "quiet", 'q', CLI_FLAG, false, NULL, "print nothing but their IDs", NULL, NULL },
	{ 0 },
};

static const struct cli_option logs_options[] = {
	{ "follow", 'f', CLI_FLAG, false, NULL, "go on until the sandbox ends", NULL, NULL },
	{ "lines", 'n', CLI_COUNT, false, "N", "start with the last N lines", NULL, NULL },
	{ "raw", 0, CLI_FLAG, false, NULL, "send control characters to a terminal as they are",
	  NULL, NULL },
	{ 0 },
};

static const struct cli_option why_options[] = {
	{ "all", 'a', CLI_FLAG, false, NULL, "also what came before the latest twenty", NULL,
	  NULL },
	{ 0 },
};

static const struct cli_option audit_options[] = {
	{ "app", 0, CLI_WORD, false, "NAME", "only of this app", NULL, NULL },
	{ "sandbox", 0, CLI_WORD, false, "ID", "only of this sandbox", NULL, NULL },
	{ "kind", 0, CLI_WORD, false, "KIND", "only of this kind", NULL,
	  "net fs exec dns data sandbox" },
	{ "host", 0, CLI_WORD, false, "PATTERN",
	  "only about hosts that fit, for example \"*.example.com\"", NULL, NULL },
	{ "denied", 0, CLI_FLAG, false, NULL, "only what was denied", NULL, NULL },
	{ "since", 0, CLI_WORD, false, "TIME",
	  "only what is younger: 30m, 1h, 2d, or 2024-01-15T10:30:00Z", NULL, NULL },
	{ "limit", 'n', CLI_COUNT, false, "N",
	  "the latest N; 0: all, which is the default of export, show has 50", NULL, NULL },
	{ "follow", 'f', CLI_FLAG, false, NULL, "show: go on with what comes", NULL, NULL },
	{ "format", 0, CLI_WORD, false, "FORMAT",
	  "export: the lines of the log, events as in schema.ocsf.io, or a table", NULL,
	  "jsonl ocsf csv" },
	{ 0 },
};

static const struct cli_option policy_options[] = {
	{ "action", 0, CLI_WORD, false, "ACTION", "explain: what is asked", NULL,
	  "dns.query net.connect http.request port.publish exec fs.open fs.write data.read" },
	{ "host", 0, CLI_WORD, false, "HOST", "explain: a name or an address", NULL, NULL },
	{ "port", 0, CLI_COUNT, false, "N", "explain: of it; a request has 443", NULL, NULL },
	{ "method", 0, CLI_WORD, false, "METHOD", "explain: of a request; GET", NULL,
	  "GET HEAD POST PUT PATCH DELETE OPTIONS" },
	{ "path", 0, CLI_WORD, false, "PATH", "explain: of a request, with its query; /", NULL,
	  NULL },
	{ "websocket", 0, CLI_FLAG, false, NULL, "explain: the request is for WebSocket", NULL,
	  NULL },
	{ "file", 0, CLI_WORD, false, "FILE", "explain: what is opened, read or executed", NULL,
	  NULL },
	{ "app", 0, CLI_WORD, false, "NAME",
	  "explain: whose question it is; suggest, replay, diff: what this app did", NULL, NULL },
	{ "sandbox", 0, CLI_WORD, false, "ID",
	  "suggest, replay, diff: what was done in this sandbox", NULL, NULL },
	{ "since", 0, CLI_WORD, false, "TIME",
	  "suggest, replay, diff: what is younger: 30m, 1h, 2d, or 2024-01-15T10:30:00Z", NULL,
	  NULL },
	{ "output", 'o', CLI_FOLDER, false, "DIR",
	  "suggest: write NAME.rego and NAME_test.rego into DIR, not the policy to stdout", NULL,
	  NULL },
	{ "table", 0, CLI_FLAG, false, NULL,
	  "suggest: print the table of what is granted, and no policy", NULL, NULL },
	{ "wildcards", 0, CLI_FLAG, false, NULL,
	  "suggest: *.x for three hosts or more of one owner that were asked the same", NULL,
	  NULL },
	{ "mode", 0, CLI_WORD, false, "MODE", "explain: of the sandbox; enforce", NULL,
	  "enforce ask audit" },
	{ "data", 0, CLI_FILE, false, "FILE", "explain: JSON, the data of the policy", NULL, NULL },
	{ 0 },
};

static const struct cli_option consent_options[] = {
	{ "app", 0, CLI_WORD, false, "NAME", "of this app", NULL, NULL },
	{ "deny", 0, CLI_FLAG, false, NULL, "grant: it is a no, without asking", NULL, NULL },
	{ "for", 0, CLI_DURATION, false, "DURATION", "grant: it ends after DURATION", NULL, NULL },
	{ 0 },
};

static const struct cli_option kill_options[] = {
	{ "all", 'a', CLI_FLAG, false, NULL, "all that run", NULL, NULL },
	{ "signal", 's', CLI_WORD, false, "NAME",
	  "send only this signal: KILL ends it at once, others are not waited for", NULL, SIGNALS },
	{ 0 },
};

static const struct cli_option stop_options[] = {
	{ "all", 'a', CLI_FLAG, false, NULL, "all that run", NULL, NULL },
	{ "timeout", 't', CLI_DURATION, false, "DURATION", "wait this long; the default is 60s",
	  NULL, NULL },
	{ 0 },
};

static const struct cli_option rm_options[] = {
	{ "stopped", 0, CLI_FLAG, false, NULL, "all that have stopped", NULL, NULL },
	{ 0 },
};

static const struct cli_option common_options[] = {
	{ "help", 'h', CLI_FLAG, false, NULL, "explain the command", NULL, NULL },
	{ 0 },
};

static const struct cli_group sandbox = { "Sandbox options", sandbox_options };
static const struct cli_group process = { "Process options", process_options };
static const struct cli_group terminal = { "Terminal options", terminal_options };
static const struct cli_group run = { "Options", run_options };
static const struct cli_group exec = { "Options", exec_options };
static const struct cli_group json = { "Output options", json_options };
static const struct cli_group list = { "Options", list_options };
static const struct cli_group logs = { "Options", logs_options };
static const struct cli_group why = { "Options", why_options };
static const struct cli_group audit = { "Options", audit_options };
static const struct cli_group policy = { "Options", policy_options };
static const struct cli_group consent = { "Options", consent_options };
static const struct cli_group kill_group = { "Options", kill_options };
static const struct cli_group stop = { "Options", stop_options };
static const struct cli_group rm = { "Options", rm_options };
static const struct cli_group common = { "Common options", common_options };

#define PROGRAMS "Run programs"
#define LOOK     "Look at sandboxes"
#define END      "End and remove them"
#define NETWORK  "Be trusted"
#define HELP     "Get help"

const struct cli_command cli_commands[] = {
	{ "run",
	  NULL,
	  PROGRAMS,
	  "[OPTIONS] COMMAND [ARG]...",
	  "Run a program in a new sandbox and wait for it",
	  "The program has no network, sees the host's system folders for reading only and starts "
	  "in "
	  "/tmp/workspace, which is empty and gone afterwards. Whatever else it may have is "
	  "granted "
	  "by an option.\n"
	  "The exit status is the program's own, or 128 and the number of the signal that ended "
	  "it.",
	  CLI_PROGRAM,
	  1,
	  SIZE_MAX,
	  { &sandbox, &process, &terminal, &run, &common },
	  cli_run },
	{ "start",
	  NULL,
	  PROGRAMS,
	  "[OPTIONS] [COMMAND [ARG]...]",
	  "Start a sandbox in the background and print its ID",
	  "It ends with COMMAND, or by \"immure stop\" if there is none. The output of COMMAND "
	  "goes to "
	  "\"immure logs\".",
	  CLI_PROGRAM,
	  0,
	  SIZE_MAX,
	  { &sandbox, &process, &json, &common },
	  cli_start },
	{ "exec",
	  NULL,
	  PROGRAMS,
	  "[OPTIONS] ID COMMAND [ARG]...",
	  "Run a program in a sandbox that runs",
	  "The exit status is the program's own, as with \"immure run\".",
	  CLI_ID_PROGRAM,
	  2,
	  SIZE_MAX,
	  { &process, &terminal, &exec, &common },
	  cli_exec },
	{ "attach",
	  NULL,
	  PROGRAMS,
	  "ID",
	  "Watch the output of a sandbox that runs, from now on",
	  "Interrupting it leaves the sandbox as it is.",
	  CLI_RUNNING_ID,
	  1,
	  1,
	  { &common },
	  cli_attach },
	{ "--rpc",
	  NULL,
	  PROGRAMS,
	  "[OPTIONS]",
	  "Serve one sandbox by JSON-RPC 2.0 on standard input and output",
	  "One message a line. Options are the defaults that the \"create\" method starts from.",
	  CLI_NOTHING,
	  0,
	  0,
	  { &sandbox, &process, &common },
	  cli_rpc },

	{ "list",
	  "ls",
	  LOOK,
	  "[OPTIONS]",
	  "List sandboxes, the oldest first",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { &list, &json, &common },
	  cli_list },
	{ "get",
	  NULL,
	  LOOK,
	  "[OPTIONS] ID",
	  "Print all that is known of a sandbox, as JSON",
	  "\"start\" holds the walls and limits in force and the result of the self-test.",
	  CLI_ANY_ID,
	  1,
	  1,
	  { &json, &common },
	  cli_get },
	{ "status",
	  NULL,
	  LOOK,
	  "[OPTIONS] [ID]",
	  "Print the state of a sandbox, or how many there are",
	  NULL,
	  CLI_ANY_ID,
	  0,
	  1,
	  { &json, &common },
	  cli_status },
	{ "logs",
	  NULL,
	  LOOK,
	  "[OPTIONS] ID",
	  "Print what the programs of a sandbox wrote",
	  "On a terminal, control characters are shown as \\xNN, so that a program cannot drive "
	  "your "
	  "terminal from its log; into a file or a pipe every octet goes as it is.",
	  CLI_ANY_ID,
	  1,
	  1,
	  { &logs, &common },
	  cli_logs },
	{ "why",
	  NULL,
	  LOOK,
	  "[OPTIONS] [ID|last]",
	  "Explain what a sandbox was refused of the network, and what would allow it",
	  "ID is a sandbox, or the request_id of an answer that refused something. \"last\", the "
	  "default, is the sandbox that was started last.\n"
	  "The same thing refused again is counted. What would allow it is an option, or a line of "
	  "the settings; whether that is wise is for you to say. Without --all only the latest "
	  "twenty "
	  "are shown.",
	  CLI_ANY_ID,
	  0,
	  1,
	  { &why, &json, &common },
	  cli_why },
	{ "audit",
	  NULL,
	  LOOK,
	  "[OPTIONS] show|stats|export|verify|reindex [FILE]",
	  "Look at what sandboxes did and were denied, as it was recorded",
	  "show: a line for each effect, the latest last; with --json the lines of the log. stats: "
	  "how many of what. export: all, for other programs. verify: are the logs, or FILE alone, "
	  "as "
	  "they were written? It exits with 1 if not, and says where; no secret is needed. "
	  "reindex: "
	  "make the index, by which the others find things, anew.\n"
	  "The logs outlive their sandboxes: see docs/audit.md.",
	  CLI_AUDIT,
	  1,
	  2,
	  { &audit, &json, &common },
	  cli_audit },
	{ "policy",
	  NULL,
	  NETWORK,
	  "[OPTIONS] ACTION [FILE|TEMPLATE]...",
	  "Make, check, test and ask policies written in Rego",
	  "check: do these files read as policies? test: run the tests in ..._test.rego, of files, "
	  "of "
	  "folders, or of what comes with immure; it exits with 1 if one fails. show: print a "
	  "template to begin with, or list them. explain: what would FILE or TEMPLATE say to "
	  "this?\n"
	  "suggest: a policy that allows what --app NAME was allowed or did in mode audit, as the "
	  "audit log has it, with the entries behind each line, and tests; on stderr a table of "
	  "what it grants. replay FILE: would that decide as was decided? diff OLD NEW: where "
	  "would "
	  "the two decide differently? Both exit with 1 if something flips. What was done is not "
	  "yet what is right: see docs/learning.md.\n"
	  "Nothing is sent and no sandbox is started: see docs/policy.md.",
	  CLI_POLICY,
	  1,
	  SIZE_MAX,
	  { &policy, &json, &common },
	  cli_policy },
	{ "consent",
	  NULL,
	  NETWORK,
	  "[OPTIONS] list|grant|revoke [HOST:PORT|ID]...",
	  "Look at what apps may do because somebody said yes, or may not",
	  "An answer \"always\" is kept for the app of its sandbox (--app) and holds in the next "
	  "one, too, for just what was asked. list: what is kept. grant: the app --app may reach "
	  "HOST:PORT without a question, or with --deny may not. revoke: of these IDs, or all of "
	  "the app; sandboxes that run keep to what they began with.\n"
	  "It answers only what would be asked (--ask, or a policy that asks): it allows nothing "
	  "that a rule denies, nor an address that is not public. See docs/consent.md.",
	  CLI_CONSENT,
	  1,
	  SIZE_MAX,
	  { &consent, &json, &common },
	  cli_consent },
	{ "doctor",
	  NULL,
	  LOOK,
	  "[OPTIONS]",
	  "Say which walls this host can raise, and what to do if not",
	  "Exits with 1 if a wall that is needed cannot be raised.",
	  CLI_NOTHING,
	  0,
	  0,
	  { &json, &common },
	  cli_doctor },

	{ "mode",
	  NULL,
	  PROGRAMS,
	  "[OPTIONS] ID audit|ask|enforce",
	  "Change how a sandbox that runs is held to its rules",
	  "audit: all is allowed and recorded, but for addresses that are not public; ask: what no "
	  "rule speaks of waits for a yes or no; enforce: it is denied. What runs already goes on.",
	  CLI_RUNNING_ID,
	  2,
	  2,
	  { &common },
	  cli_mode },
	{ "stop",
	  NULL,
	  END,
	  "[OPTIONS] ID...|--all",
	  "Ask sandboxes to end, and wait for it",
	  "The programs in it get SIGTERM. Exits with 1 if one does not run, or still runs after "
	  "the time-out; \"immure kill\" does not ask.",
	  CLI_RUNNING_ID,
	  0,
	  SIZE_MAX,
	  { &stop, &common },
	  cli_stop },
	{ "kill",
	  NULL,
	  END,
	  "[OPTIONS] ID...|--all",
	  "End sandboxes, by force after 10 seconds",
	  "Exits with 1 if one does not run.",
	  CLI_RUNNING_ID,
	  0,
	  SIZE_MAX,
	  { &kill_group, &common },
	  cli_kill },
	{ "rm",
	  NULL,
	  END,
	  "[OPTIONS] ID...|--stopped",
	  "Remove what is left of ended sandboxes",
	  "Exits with 1 if one does not exist or still runs.",
	  CLI_ANY_ID,
	  0,
	  SIZE_MAX,
	  { &rm, &common },
	  cli_rm },
	{ "prune",
	  NULL,
	  END,
	  "[OPTIONS]",
	  "Remove what crashed sandboxes left",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { &json, &common },
	  cli_prune },

	{ "ca",
	  NULL,
	  NETWORK,
	  "[OPTIONS] show|export|rotate",
	  "Look at the certificate authority that sandboxes with a network trust",
	  "show: its fingerprint, how long it is valid and where it is kept. export: its "
	  "certificate, PEM. rotate: a new one takes its place; sandboxes that run keep to the "
	  "old one.\n"
	  "It is made when it is first needed, and belongs to this user alone. Its key never "
	  "enters a sandbox: only immure-authority, a program of its own, reads it. Nothing "
	  "outside of sandboxes needs to trust it.",
	  CLI_CA,
	  1,
	  1,
	  { &json, &common },
	  cli_ca },

	{ "help",
	  "-h",
	  HELP,
	  "[COMMAND]",
	  "Explain a command, or list them",
	  NULL,
	  CLI_COMMAND,
	  0,
	  1,
	  { &common },
	  cli_help },
	{ "version",
	  "-V",
	  HELP,
	  "",
	  "Print the version",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { &common },
	  cli_version },
	{ "completion",
	  NULL,
	  HELP,
	  "bash|zsh|fish",
	  "Print a script that completes immure's words",
	  "For one shell: source <(immure completion bash)",
	  CLI_SHELL,
	  1,
	  1,
	  { &common },
	  cli_completion },
	{ "--help",
	  NULL,
	  HELP,
	  "",
	  "List the commands",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { NULL },
	  cli_help },
	{ "--version",
	  NULL,
	  HELP,
	  "",
	  "Print the version",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { NULL },
	  cli_version },
	{ "man",
	  NULL,
	  NULL,
	  "",
	  "Print the man page in mdoc",
	  NULL,
	  CLI_NOTHING,
	  0,
	  0,
	  { &common },
	  cli_man },
	{ 0 },
};

const struct cli_note cli_exits[] = {
	{ "0", "It worked; for \"immure run\" and \"immure exec\": the program says so." },
	{ "1", "The answer is no: there is no such sandbox, it does not run, or it still runs." },
	{ "124", "The program was ended by its time-out." },
	{ "125",
	  "immure itself failed; one line on standard error says what, why and what to do." },
	{ "126, 127", "The program cannot be executed; there is no such program." },
	{ "128+N", "The program was ended by the signal N." },
	{ 0 },
};

const struct cli_note cli_variables[] = {
	{ "IMMURE_HOME", "The folder that holds all state, instead of ~/.immure." },
	{ "LC_ALL, LC_CTYPE, LANG",
	  "The first one that is set says whether the terminal takes UTF-8." },
	{ "HTTPS_PROXY, ALL_PROXY, NO_PROXY",
	  "The proxy by which what is allowed is reached, unless --upstream-proxy says another; "
	  "hosts "
	  "that are reached without it. Lower case goes first." },
	{ 0 },
};

const struct cli_note cli_files[] = {
	{ "~/.immure/audit/",
	  "The audit logs, ID.jsonl and ID.N.jsonl; ledger.jsonl, which knows all of them; key and "
	  "key.pub, by which they are signed; index.db." },
	{ "~/.immure/ca/", "The certificate authority: ca.key, which nobody else may read, and "
			   "ca.crt." },
	{ "~/.immure/consent.db", "What apps may do because somebody said yes, or may not." },
	{ "~/.immure/vms/ID/config.json", "The settings in force." },
	{ "~/.immure/vms/ID/status", "created, starting, running, stopping, stopped or crashed." },
	{ "~/.immure/vms/ID/socket", "JSON-RPC of the sandbox while it runs." },
	{ "~/.immure/vms/ID/ports.json", "Its published ports while it runs." },
	{ "~/.immure/vms/ID/refused.jsonl",
	  "What it was refused of the network, for \"immure why\"; at most 1 MiB with what came "
	  "before, in refused.jsonl.1." },
	{ "~/.immure/vms/ID/logs/vm.log",
	  "What its programs wrote; what came before is in vm.log.1." },
	{ "~/.immure/vms/ID/logs/start.json",
	  "Walls and limits in force, result of the self-test." },
	{ "~/.immure/vms/ID/logs/end.json",
	  "If the kernel killed processes for the limit of memory: how many." },
	{ 0 },
};

const struct cli_note cli_examples[] = {
	{ "immure run python3 -c 'print(6 * 7)'", "Run a program with nothing allowed." },
	{ "immure run -v .:/tmp/workspace:ro -- make -n", "Let it read the folder you are in." },
	{ "immure run -p 8080:80 -- ./serve", "Reach its port 80 at 127.0.0.1:8080." },
	{ "immure run --memory 512M --cpus 1 --timeout 5m ./agent.sh", "Bound what it uses." },
	{ "id=$(immure start) && immure exec $id sh", "Keep a sandbox and work in it." },
	{ "immure logs -f -n 20 vm-a1b2c3d4", "Watch what it writes." },
	{ "immure why", "See what the sandbox before was refused, and what would allow it." },
	{ "immure kill --all && immure rm --stopped", "End all, and clear up." },
	{ 0 },
};
