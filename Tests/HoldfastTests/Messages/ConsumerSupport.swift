@testable import Holdfast

/// A message of the tests.
struct Order: Codable, Hashable, Sendable {
    var number: Int
    var cents: Int
}

extension ConsumerOptions {
    /// Retries without waiting.
    static func quick(
        attempts: Int = 5, lease: Duration? = nil, concurrency: Int = 16
    ) -> ConsumerOptions {
        var options = ConsumerOptions()
        options.retry = RetryPolicy(attempts: attempts, first: .milliseconds(1), longest: .milliseconds(1))
        options.lease = lease
        options.concurrency = concurrency
        return options
    }
}
