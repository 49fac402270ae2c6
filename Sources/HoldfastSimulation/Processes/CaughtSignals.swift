// Dispatch sources may be used from any thread; the module on Linux does not say so yet.
@preconcurrency internal import Dispatch
internal import Foundation
internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Signals that this process gets as values, instead of their default effect, from now until its end.
///
/// A signal that was ignored when the program started (SIGHUP under `nohup`) stays ignored, as its user wished.
package final class CaughtSignals: Sendable {
    private struct Delivery {
        var receiver: AsyncStream<Int32>.Continuation?
        /// What came while nobody listened.
        var waiting: [Int32] = []
    }

    /// Those that are caught here. A child must get their default disposition back.
    package let numbers: [Int32]
    private let sources: [any DispatchSourceSignal]
    private let delivery = Mutex(Delivery())

    package init(_ wanted: [Int32]) {
        numbers = wanted.filter { !Self.isIgnored($0) }
        sources = numbers.map { number in
            _ = signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: .global())
        }
        for (number, source) in zip(numbers, sources) {
            source.setEventHandler { [weak self] in self?.deliver(number) }
            source.resume()
        }
    }

    deinit {
        sources.forEach { $0.cancel() }
    }

    /// The signals from now on, with those that came since the last stream ended. There is one stream at a time: a
    /// new one takes the place of the last.
    package func stream() -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        delivery.withLock { delivery in
            delivery.receiver?.finish()
            delivery.waiting.forEach { continuation.yield($0) }
            delivery.waiting = []
            delivery.receiver = continuation
        }
        return stream
    }

    private func deliver(_ number: Int32) {
        delivery.withLock { delivery in
            if case .enqueued = delivery.receiver?.yield(number) { return }
            delivery.receiver = nil
            delivery.waiting.append(number)
        }
    }

    /// Asks the kernel's own account of the process. Where there is none, no signal counts as ignored.
    private static func isIgnored(_ number: Int32) -> Bool {
        guard
            let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("SigIgn:") }),
            let mask = UInt64(line.dropFirst("SigIgn:".count).trimmingCharacters(in: .whitespaces), radix: 16)
        else { return false }
        return mask & (1 << UInt64(number - 1)) != 0
    }
}
