import Foundation
import HoldfastTesting
import Processes
import TestSupport

/// The built program, run as a real process with its output in files.
struct Tool {
    /// Next to the test bundle, where the build puts both.
    static let path: String = {
        let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let folders = [Bundle.main.bundleURL, bundle.deletingLastPathComponent()]
        let candidates = folders.map { $0.appending(path: "holdfast").path }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[0]
    }()

    struct Outcome {
        var state: ChildProcess.State
        var output: String
        var error: String

        var status: Int32? {
            if case .exited(let status) = state { status } else { nil }
        }

        func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(Value.self, from: Data(output.utf8))
        }
    }

    let child: ChildProcess
    private let directory: URL

    /// Starts the program.
    ///
    /// - Parameters:
    ///   - server: becomes HOLDFAST_REDIS_URL.
    ///   - input: a file for standard input; none unless set.
    ///   - wrapper: a command to run it by, such as `nohup`.
    init(
        _ arguments: [String], server: String? = nil, input: String? = nil, wrapper: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "tool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let words = wrapper + [Self.path] + arguments
        var plan = SpawnPlan(words[0], Array(words.dropFirst()))
        plan.environment = environment.merging(["HOLDFAST_REDIS_URL": server ?? ""]) { given, _ in given }
        plan.output = .appending(path: directory.appending(path: "output").path)
        plan.error = .appending(path: directory.appending(path: "error").path)
        plan.input = .nothing
        var source: FileHandle?
        if let input {
            let handle = try FileHandle(forReadingFrom: URL(filePath: input))
            plan.input = .descriptor(handle.fileDescriptor)
            source = handle
        }
        child = try plan.start()
        try source?.close()
    }

    var output: String { text("output") }
    var error: String { text("error") }

    private func text(_ name: String) -> String {
        (try? String(contentsOf: directory.appending(path: name), encoding: .utf8)) ?? ""
    }

    /// Waits for its end; kills it when that does not come in time.
    func end(within limit: Duration = .seconds(60)) async -> Outcome {
        if !(await eventually(within: limit, { child.state.isOver })) {
            child.signalGroup(SIGKILL)
            _ = await eventually { child.state.isOver }
        }
        let outcome = Outcome(state: child.state, output: output, error: error)
        try? FileManager.default.removeItem(at: directory)
        return outcome
    }

    /// Runs it to its end.
    static func run(
        _ arguments: String..., server: String? = nil, input: String? = nil, wrapper: [String] = [],
        environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await Tool(
            arguments, server: server, input: input, wrapper: wrapper, environment: environment
        ).end()
    }
}

/// A file for one test, removed after.
func withFile<Result>(_ text: String, _ body: (String) async throws -> Result) async throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "file-\(UUID().uuidString)")
    try Data(text.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url.path)
}

/// The letter by which the kernel tells a process's state, such as `T` for stopped; nil when there is none.
func processState(_ pid: Int32) -> Character? {
    let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return status?.split(separator: ")").last?.first { $0 != " " }
}

/// Whether all threads of a process are stopped. Only then it is stopped for the kernel; a thread that is not
/// scheduled may take its time.
func isStopped(_ pid: Int32) -> Bool {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
    return !threads.isEmpty && threads.allSatisfy { Int32($0).flatMap(processState) == "T" }
}

/// Whether a process with this number exists, dead ones that were not reaped left out.
func isAlive(_ pid: Int32) -> Bool {
    processState(pid).map { $0 != "Z" } ?? false
}

/// Runs redis-cli on a private server.
///
/// - Parameter input: a file for standard input; none unless set.
func redisCLI(_ server: PrivateRedisServer, _ arguments: String..., input: String? = nil) async throws {
    var plan = SpawnPlan("redis-cli", ["-s", server.directory + "/redis.sock"] + arguments)
    plan.environment["REDISCLI_AUTH"] = server.password
    plan.output = .nothing
    plan.input = .nothing
    let source = try input.map { try FileHandle(forReadingFrom: URL(filePath: $0)) }
    if let source { plan.input = .descriptor(source.fileDescriptor) }
    let child = try plan.start()
    try source?.close()
    _ = await eventually { child.state.isOver }
}
