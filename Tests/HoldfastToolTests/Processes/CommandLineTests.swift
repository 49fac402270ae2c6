import HoldfastTesting
import Logging
import Processes
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// What the tool makes of its command line and its streams, whatever the command.
@Suite struct CommandLineTests {
    private static func client(_ server: PrivateRedisServer) throws -> Holdfast {
        try Holdfast(redis: server.url, logger: .quiet)
    }

    /// Runs the tool by a shell: `line` with `"$@"` for the command.
    private static func shell(_ line: String, _ arguments: [String], _ server: PrivateRedisServer? = nil)
        async throws -> Tool.Outcome
    {
        try await Tool(arguments, server: server?.url, wrapper: ["bash", "-c", line, "bash"]).end()
    }

    @Test func `A name that is not UTF-8 is refused, and is no other name`() async throws {
        try await withPrivateRedisServer { server in
            for words in [
                ["locks", "show"], ["locks", "ls"], ["queues", "pause"], ["send"], ["messages", "show"],
                ["once", "show", "scope"], ["workers", "pause"], ["locks", "show", "a", "--namespace"],
                ["locks", "wait", "--"],
            ] {
                let outcome = try await Self.shell("\"$@\" $'caf\\xe9'", words, server)
                #expect(outcome.status == 64, "\(words)")
                #expect(outcome.error.contains("is not UTF-8"), "\(words): \(outcome.error)")
            }
            for variable in ["HOLDFAST_NAMESPACE", "HOLDFAST_REDIS_URL"] {
                let outcome = try await Self.shell("\(variable)=$'caf\\xe9' \"$@\"", ["locks", "ls"], server)
                #expect(outcome.status == 64 && outcome.error == "holdfast: \(variable) is not UTF-8\n")
            }
            let keys = try await Self.client(server).core.link.send(["KEYS", "*"]).value.array
            // The client that asks has marked its format.
            #expect(keys?.compactMap(\.string) == ["holdfast:format"])
        }
    }

    @Test func `The name of run must be UTF-8, and its command may be any bytes`() async throws {
        try await withPrivateRedisServer { server in
            let name = try await Self.shell("\"$@\" $'caf\\xe9' -- true", ["run"], server)
            #expect(name.status == 64 && name.error.contains("is not UTF-8"))
            let command = try await Self.shell(
                "\"$@\" $'caf\\xe9'", ["run", "a", "--", "printf", "x"], server)
            #expect(command.status == 0 && command.output == "x")
        }
    }

    @Test(
        "A command without a subcommand shows how it is used, as an error",
        arguments: [[], ["locks"], ["queues"], ["queues", "dead"], ["messages"], ["once"], ["workers"]])
    func noSubcommand(words: [String]) async throws {
        let outcome = try await Tool(words).end()
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty && outcome.error.contains("USAGE: holdfast"))
        let help = try await Tool(words + ["--help"]).end()
        #expect(help.status == 0 && help.error.isEmpty && help.output.contains("USAGE: holdfast"))
    }

    @Test(
        "A command that is mistyped is told what was probably meant",
        arguments: [
            ("queue ls", "Did you mean 'holdfast queues'?"), ("lcoks ls", "Did you mean 'holdfast locks'?"),
            ("locks list", "Did you mean 'holdfast locks ls'?"), ("queues dad ls", "'holdfast queues dead'?"),
            ("queues dead reply", "Did you mean 'holdfast queues dead replay'?"),
            ("work ls", "Did you mean 'holdfast workers'?"), ("nonsense", "Its commands are: locks, run, "),
            ("queues nonsense", "Its commands are: ls, show, pause, "),
        ])
    func mistyped(line: String, advice: String) async throws {
        let outcome = try await Tool(line.split(separator: " ").map(String.init)).end()
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(outcome.error.contains(advice), "\(outcome.error)")
        #expect(!outcome.error.contains("simulate-instance"))
    }

    @Test(
        "A command that changes something needs to know where, and one that shows something looks at home",
        arguments: [
            "run a -- true", "send q", "locks wait a", "locks release a --yes", "queues pause q",
            "queues resume q",
            "queues dead replay q --all", "workers trigger w", "workers pause w", "workers resume w",
            "workers reschedule w",
        ])
    func noServer(line: String) async throws {
        let outcome = try await Tool(line.split(separator: " ").map(String.init)).end()
        #expect(outcome.status == 64)
        // What was sent is counted in any case.
        #expect(outcome.output.isEmpty || outcome.output.hasPrefix("0 messages sent to q"))
        #expect(
            outcome.error
                == "holdfast: this command changes something, so say where: give --redis, or the URL in HOLDFAST_REDIS_URL\n"
        )
    }

    @Test func `A list that is empty says where it was looked for, without the password`() async throws {
        try await withPrivateRedisServer(.init(transport: .unix)) { server in
            for words in [["locks", "ls"], ["queues", "ls"], ["workers", "ls"]] {
                let outcome = try await Tool(words + ["--namespace", "bllng"], server: server.url).end()
                #expect(outcome.status == 0)
                let place = "\(server.directory)/redis.sock"
                #expect(
                    outcome.error == "holdfast: nothing was found in the namespace bllng on \(place)\n",
                    "\(words)")
            }
        }
    }

    @Test(
        "A password on the command line is warned of, whatever signs it has, and is not repeated",
        arguments: [
            "redis://team:se/cr:et@127.0.0.1:1", "redis://:se?cr#et@127.0.0.1:1",
            "redis://:secret@127.0.0.1:1",
        ])
    func password(url: String) async throws {
        let outcome = try await Tool(["locks", "ls", "--redis", url]).end()
        #expect(outcome.status != 0)
        #expect(outcome.error.contains("everybody on this machine can see the password in --redis"))
        for secret in ["secret", "se/cr", "cr:et", "cr#et"] { #expect(!outcome.error.contains(secret)) }
    }

    @Test func `A reader that goes away ends a list without a word`() async throws {
        try await withPrivateRedisServer { server in
            _ = try await Self.client(server).core.link.send(["SET", "holdfast:{a}:lock", "x"])
            for words in [
                ["locks", "ls"], ["locks", "ls", "--json"], ["locks", "show", "a"], ["queues", "ls"],
            ] {
                // The tool begins once the other end of the pipe is closed.
                let outcome = try await Self.shell(
                    """
                    d=$(mktemp -d)
                    { until [ -e $d/closed ]; do sleep 0.01; done; "$@"; echo $? >$d/new; mv $d/new $d/status; } |
                        { exec <&-; : >$d/closed; until [ -e $d/status ]; do sleep 0.01; done; }
                    status=$(cat $d/status); rm -r $d; exit $status
                    """, words, server)
                #expect(outcome.status == 141, "\(words)")
                #expect(outcome.error.isEmpty, "\(words): \(outcome.error)")
            }
        }
    }
}
