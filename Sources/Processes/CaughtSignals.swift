internal import Foundation
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Signals that this process receives as values, instead of their default effect, from now until its end.
///
/// The handler writes the signal's number to a pipe, and a thread reads it there: no signal is lost, from the
/// first instant on. A child has the default dispositions without further effort, since handlers do not
/// survive `exec`. A signal that was ignored when the program started (SIGHUP under `nohup`) stays ignored,
/// in the child too, as its user wanted.
package final class CaughtSignals: Sendable {
    private struct Delivery {
        var receiver: AsyncStream<Int32>.Continuation?
        /// The signals that came while nobody listened.
        var waiting: [Int32] = []
    }

    /// All that a signal handler may touch.
    private static let pipeEntry = Atomic<Int32>(-1)

    private let delivery = Mutex(Delivery())
    private let pipe: PrivatePipe

    /// Catches the signals. Only once in a process.
    package init(_ wanted: [Int32]) throws {
        pipe = try PrivatePipe()
        let (exit, entry) = (pipe.exit, pipe.entry)
        // A handler must not wait if thousands of signals ever fill the pipe.
        _ = fcntl(entry, F_SETFL, O_NONBLOCK)
        let before = Self.pipeEntry.exchange(entry, ordering: .sequentiallyConsistent)
        precondition(before == -1, "signals can be caught only once in a process")

        try startBlockingThread { [self] in
            var number: UInt8 = 0
            while true {
                if read(exit, &number, 1) == 1 { deliver(Int32(number)) }
            }
        }
        for number in wanted where !Inheritance.isIgnored(number) {
            _ = signal(number) { number in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(CaughtSignals.pipeEntry.load(ordering: .sequentiallyConsistent), &byte, 1)
                errno = before
            }
        }
    }

    /// The signals from now on, and those that came since the last stream ended. There is one stream at a
    /// time: a new one replaces the last.
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
}
