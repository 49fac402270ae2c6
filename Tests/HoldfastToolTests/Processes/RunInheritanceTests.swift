import Foundation
import HoldfastTesting
import Processes
import Testing

/// What a command finds under `holdfast run` is what it would find without it.
@Suite struct RunInheritanceTests {
    /// Runs a bash script in which `$run` stands for `holdfast run a --`.
    private static func bash(
        _ script: String, wrapper: [String] = [], environment: [String: String] = [:]
    ) async throws -> Tool.Outcome {
        try await withPrivateRedisServer { server in
            try await Tool.run(
                server: server.url,
                wrapper: wrapper + ["bash", "-c", "run=\"$0 run a --\"; \(script)"],
                environment: environment)
        }
    }

    @Test func `A parent that ignores the end of its children loses no exit status`() async throws {
        let outcome = try await Self.bash(
            "$run sh -c 'exit 7'; echo $?; $run sh -c 'kill -KILL $$'; echo $?",
            wrapper: ["env", "--ignore-signal=CHLD"])
        #expect(outcome.output == "7\n137\n")
    }

    @Test func `Signals are ignored and blocked in the command as they were before`() async throws {
        let script = "$run env --list-signal-handling true"
        let outcome = try await Self.bash(
            script, wrapper: ["env", "--ignore-signal=PIPE,INT,TTOU", "--block-signal=USR1,TERM"])
        let lines = outcome.error.split(separator: "\n").map { $0.split(separator: " ") }
        // Two signals that the C library keeps for itself show without a name.
        let names = lines.map { "\($0[0]) \($0.last ?? "")" }.filter {
            !$0.hasPrefix("RT") && !$0.hasPrefix("3")
        }
        #expect(Set(names) == ["PIPE IGNORE", "INT IGNORE", "TTOU IGNORE", "USR1 BLOCK", "TERM BLOCK"])
    }

    @Test func `Signals that only this program ignores have their default effect in the command`()
        async throws
    {
        let outcome = try await Self.bash(
            "for signal in PIPE XFSZ CHLD; do $run sh -c \"kill -$signal \\$\\$; exit 5\"; echo $?; done")
        #expect(outcome.output == "\(128 + SIGPIPE)\n\(128 + SIGXFSZ)\n5\n")
    }

    @Test func `Descriptors that are open go on to the command, and none of this program's`() async throws {
        let outcome = try await Self.bash(
            """
            exec 7>&1; $run cat <(echo one); $run sh -c 'echo two >&7'
            before=$(ls /proc/self/fd); [ "$($run ls /proc/self/fd)" = "$before" ] && echo same
            """)
        #expect(outcome.output == "one\ntwo\nsame\n")
    }

    @Test func `Arguments and variables are bytes`() async throws {
        let outcome = try await Self.bash(
            #"""
            $run printf '%s' $'caf\xe9' -- '' | od -An -tx1
            env $'NA\xefVE=\xe9=\xe8' $run env | LC_ALL=C grep -a ^NA.VE= | od -An -tx1
            """#)
        #expect(
            outcome.output
                == " 63 61 66 e9 2d 2d\n 4e 41 ef 56 45 3d e9 3d e8 0a\n")
    }

    @Test func `An executable file without a format runs in the shell, wherever it is found`() async throws {
        let outcome = try await Self.bash(
            """
            folder=$(mktemp -d); trap 'rm -r "$folder"' EXIT; mkdir "$folder/first" "$folder/first/script"
            echo 'echo "$0 $*"; exit 3' >"$folder/script"; chmod +x "$folder/script"
            cd "$folder"; PATH=$folder/first:$folder:$PATH
            $run ./script 'a b'; echo $?; $run script c | sed "s:$folder:FOLDER:"
            PATH=:$PATH; $run script d
            """)
        #expect(outcome.output == "./script a b\n3\nFOLDER/script c\nscript d\n")
    }

    @Test func `A command that can't be executed is told apart from one that is not there`() async throws {
        let outcome = try await Self.bash(
            """
            for word in /tmp /etc/passwd /etc/passwd/x '' no-such-command "./$(printf %5000s x)"; do
                $run "$word" 2>/dev/null; echo $?
            done
            """)
        #expect(outcome.output == "126\n126\n126\n127\n127\n126\n")
    }

    @Test func `A command needs no PATH, and no folder to stand in`() async throws {
        let outcome = try await Self.bash(
            """
            folder=$(mktemp -d); cd "$folder"; rmdir "$folder"
            $run /bin/sh -c 'exit 4' 2>/dev/null; echo $?; $run ./x 2>/dev/null; echo $?
            cd /; env -u PATH $run true; echo $?
            """)
        #expect(outcome.output == "4\n127\n0\n")
    }

    @Test func `What a command leaves running keeps nobody waiting`() async throws {
        let outcome = try await Self.bash("$run sh -c 'sleep 60 & echo $!'; echo over")
        let words = outcome.output.split(separator: "\n")
        #expect(words.last == "over")
        let left = try #require(words.first.flatMap { Int32($0) })
        #expect(isAlive(left))
        kill(left, SIGKILL)
    }
}
