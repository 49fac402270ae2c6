import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import RedisLink

func makeLink(_ url: String, _ change: (inout RedisConfiguration) -> Void = { _ in }) throws -> RedisLink {
    var configuration = try RedisConfiguration(url: url)
    // A virtual machine may stand still for half a minute.
    configuration.commandTimeout = .seconds(120)
    configuration.connectTimeout = .seconds(120)
    change(&configuration)
    return try RedisLink(configuration, logger: .quiet)
}

extension RedisLink {
    /// The connection for commands.
    var connection: RedisConnection { node.connection }
}

extension PrivateRedisServer {
    /// The URL of one of its databases.
    func url(database: Int) -> String {
        if url.hasPrefix("redis+unix") { return "\(url)?db=\(database)" }
        let query = url.firstIndex(of: "?") ?? url.endIndex
        return "\(url[..<query])/\(database)\(url[query...])"
    }
}

/// Runs `body` with a link to `url` and closes it afterwards.
func withLink<R>(
    _ url: String, _ change: (inout RedisConfiguration) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation,
    _ body: (RedisLink) async throws -> R
) async throws -> R {
    let link = try makeLink(url, change)
    let result: Result<R, any Error>
    do {
        result = .success(try await body(link))
    } catch {
        result = .failure(error)
    }
    await link.close()
    return try result.get()
}

/// The error of an operation that must fail.
func failure<R>(
    isolation: isolated (any Actor)? = #isolation, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> R
) async -> RedisError? {
    do {
        let result = try await body()
        Issue.record("it succeeded with \(result)", sourceLocation: sourceLocation)
    } catch let error as RedisError {
        return error
    } catch {
        Issue.record("it failed with \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// The link must bring the next command its own reply.
func expectInStep(
    _ link: RedisLink, isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    for _ in 0..<2 {
        let text = "echo \(UInt64.random(in: 0...UInt64.max))"
        let reply = try await link.send(["ECHO", .string(text)])
        #expect(reply.value.string == text, sourceLocation: sourceLocation)
    }
}

/// Calls `body` from twenty tasks, again and again for a second.
func hammer(_ body: @escaping @Sendable () async -> Void) async {
    let end = ContinuousClock.now + .seconds(1)
    await withTaskGroup { group in
        for _ in 0..<20 {
            group.addTask {
                repeat { await body() } while ContinuousClock.now < end
            }
        }
    }
}

func outcome(_ body: () async throws(RedisError) -> RedisReply) async -> Result<RedisReply, RedisError> {
    do {
        return .success(try await body())
    } catch {
        return .failure(error)
    }
}

/// Runs `body` for each element, a few at a time.
func forEachConcurrently<Element: Sendable>(
    _ elements: [Element], atATime width: Int = 16, _ body: @escaping @Sendable (Element) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, element) in elements.enumerated() {
            if index >= width { try await group.next() }
            group.addTask { try await body(element) }
        }
        try await group.waitForAll()
    }
}
