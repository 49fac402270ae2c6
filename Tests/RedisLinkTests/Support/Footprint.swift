import Foundation
import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

/// Records what `body` throws. In a process of its own, whose end is all that is looked at, an error would only end it.
func recordingErrors(_ body: () async throws -> Void) async {
    do {
        try await body()
    } catch {
        Issue.record(error)
    }
}

#if os(Linux)
    /// The sockets, pipes and threads of this process. Not its other descriptors: the queues of Dispatch, on which Swift
    /// runs, open some of their own at a time of their choice.
    struct Footprint: Equatable {
        var descriptors: Int
        var threads: Int

        static func now() throws -> Footprint {
            let files = FileManager.default
            return Footprint(
                descriptors: try openDescriptors().count,
                threads: try files.contentsOfDirectory(atPath: "/proc/self/task").count)
        }

        /// Those that are sockets and pipes.
        static func openDescriptors() throws -> Set<Int32> {
            let folder = "/proc/self/fd"
            let files = FileManager.default
            // The one by which the folder is read is gone again.
            return Set(
                try files.contentsOfDirectory(atPath: folder).compactMap { Int32($0) }.filter { descriptor in
                    let target =
                        (try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")) ?? ""
                    return target.hasPrefix("socket:") || target.hasPrefix("pipe:")
                })
        }

        /// After one link, so that what the runtime keeps for ever is there.
        static func settled() async throws -> Footprint {
            let server = try FakeRedisServer()
            try await withLink(server.url) { try await $0.connect() }
            server.stop()
            var last = try now()
            try await eventually("the process is at rest") {
                try await Task.sleep(for: .milliseconds(20))
                let next = try now()
                defer { last = next }
                return next == last
            }
            return last
        }

        /// Waits until no more is in use than then.
        func returns() async throws {
            try await eventually("what was taken is given back") {
                let now = try Self.now()
                // Swift's own pool of threads may still grow a little.
                return now.descriptors <= descriptors && now.threads <= threads + 2
            }
        }

        /// The most memory that was ever resident, in bytes.
        static func peakMemory() throws -> Int { try memory("VmHWM:") }

        /// The memory that is resident now, in bytes.
        static func residentMemory() throws -> Int { try memory("VmRSS:") }

        /// How much `bytes` of the program are at most: a sanitizer keeps shadows, margins and what was freed.
        static func allowed(_ bytes: Int) -> Int {
            ProcessInfo.processInfo.environment["HOLDFAST_SANITIZER"] == nil ? bytes : bytes * 8
        }

        private static func memory(_ name: String) throws -> Int {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
                << 10
        }
    }
#endif
