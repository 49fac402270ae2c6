// Exit tests came with Swift 6.2.
#if compiler(>=6.2)
    import TestSupport
    import Foundation
    import HoldfastTesting
    import Testing

    /// What is observed of an owner: the lines it prints.
    private let tellings: [any PartialKeyPath<ExitTest.Result> & Sendable] = [\.standardOutputContent]

    /// Each test starts its servers in a real process of its own, which dies and tells before what it leaves
    /// behind.
    @Suite("When the owner of a private redis-server dies")
    struct PrivateRedisServerOwnerTests {
        @Test("by SIGKILL, the server ends and its directory goes")
        func killed() async throws {
            let result = await #expect(processExitsWith: .signal(SIGKILL), observing: tellings) {
                let server = try await PrivateRedisServer.start()
                tell(server)
                kill(getpid(), SIGKILL)
            }
            try await expectNothingLeft(result, servers: 1)
        }

        @Test("by a crash, the server ends and its directory goes")
        func crashed() async throws {
            let result = await #expect(processExitsWith: .failure, observing: tellings) {
                let server = try await PrivateRedisServer.start()
                tell(server)
                abort()
            }
            try await expectNothingLeft(result, servers: 1)
        }

        @Test("by exit in the middle of its work, the server ends and its directory goes")
        func exited() async throws {
            let result = await #expect(processExitsWith: .exitCode(7), observing: tellings) {
                let server = try await PrivateRedisServer.start()
                tell(server)
                exit(7)
            }
            try await expectNothingLeft(result, servers: 1)
        }

        @Test("by Ctrl-C, which reaches the terminal's whole job, the server ends and its directory goes")
        func interrupted() async throws {
            let result = await #expect(processExitsWith: .signal(SIGINT), observing: tellings) {
                signal(SIGINT, SIG_DFL)
                setpgid(0, 0)
                let server = try await PrivateRedisServer.start()
                tell(server)
                kill(0, SIGINT)
            }
            try await expectNothingLeft(result, servers: 1)
        }

        @Test("while the server is paused, killed or just restarted, it ends all the same")
        func inAnyState() async throws {
            let result = await #expect(processExitsWith: .signal(SIGKILL), observing: tellings) {
                let paused = try await PrivateRedisServer.start()
                try await paused.pause()
                tell(paused)
                let killed = try await PrivateRedisServer.start()
                tell(killed)
                await killed.kill()
                let restarted = try await PrivateRedisServer.start()
                await restarted.kill()
                try await restarted.restart()
                tell(restarted)
                kill(getpid(), SIGKILL)
            }
            try await expectNothingLeft(result, servers: 3)
        }

        @Test("and its children live on, the servers end all the same")
        func withChildren() async throws {
            let result = await #expect(processExitsWith: .signal(SIGKILL), observing: tellings) {
                // What the test process waits for the end of; the children are to inherit what a server
                // opens.
                for descriptor in 3..<Int32(256) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
                try await withThrowingTaskGroup(of: PrivateRedisServer.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            startChild()
                            let server = try await PrivateRedisServer.start()
                            startChild()
                            tell(server)
                            return server
                        }
                    }
                    let servers = try await group.reduce(into: []) { $0.append($1) }
                    withExtendedLifetime(servers) { _ = kill(getpid(), SIGKILL) }
                }
            }
            let children = told("child", by: result).compactMap { Int32($0) }
            defer { for child in children { kill(child, SIGKILL) } }
            try await expectNothingLeft(result, servers: 6)
            #expect(children.count == 12)
            #expect(children.allSatisfy { processExists($0) })
        }

        private func expectNothingLeft(_ result: ExitTest.Result?, servers: Int) async throws {
            let processes = told("server", by: result).compactMap { Int32($0) }
            let directories = told("directory", by: result)
            #expect(processes.count == servers)
            #expect(directories.count == servers)
            for processID in processes {
                try await eventually("server \(processID) ends") { !processExists(processID) }
            }
            for directory in directories {
                try await eventually("\(directory) goes") { !fileExists(directory) }
            }
        }

        private func told(_ word: String, by result: ExitTest.Result?) -> [String] {
            let output = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
            return output.split(separator: "\n").filter { $0.hasPrefix(word + " ") }
                .map { String($0.dropFirst(word.count + 1)) }
        }
    }

    private func tell(_ server: PrivateRedisServer) {
        print("server \(server.processID ?? 0)\ndirectory \(server.directory)")
        fflush(nil)
    }

    /// Starts a process that inherits every descriptor that is not close-on-exec, and outlives this one.
    private func startChild() {
        system("sleep 60 </dev/null >/dev/null 2>&1 & echo child $!")
    }
#endif
