/// How long the simulated work takes. Slow enough that there are claims in flight at every fault, and that a
/// small file of messages is not finished before the first fault; fast enough that a large file ends.
package struct Pace: Codable, Hashable, Sendable {
    /// Messages handled at the same time in one instance.
    package var concurrency: Int
    /// The mean time of one message.
    package var messageMilliseconds: Double
    package var tickPeriodMilliseconds: Int
    /// From a tick's start to its write.
    package var tickMilliseconds: Int

    /// A pace at which all messages together take about `span`, if there were no faults.
    package init(messages: Int, instances: Int, span: Duration) {
        concurrency = 8
        let hands = Double(instances * concurrency)
        let ideal = (span / .milliseconds(1)) * hands / Double(max(messages, 1))
        messageMilliseconds = min(max(ideal, Self.workLimits.lowerBound), Self.workLimits.upperBound)
        tickPeriodMilliseconds = 250
        tickMilliseconds = 100
    }

    private static let workLimits: ClosedRange<Double> = 2...500
}
