import RedisLink
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a ``WireThread`` runs. Made on that thread and never seen by another.
package protocol WireService: AnyObject, SendableMetatype {
    /// The ends to watch, all of them open. Read before each wait and after each end that was closed.
    var ends: [WireEnd] { get }
    /// There is a new connection.
    func accepted(_ end: WireEnd)
    /// There are new bytes in the end's input, or the input has ended.
    func received(_ end: WireEnd)
}

/// A thread that accepts connections and serves all of them, one event after another.
package final class WireThread<Service: WireService>: Sendable {
    private struct Inbox {
        var jobs: [@Sendable (Service) -> Void] = []
        var stopping = false
        var thread: SystemThread?
    }

    private let inbox = Mutex(Inbox())
    private let listener: Listener
    private let wakeup: Wakeup

    /// - Parameter make: makes the service, on the thread.
    /// - Throws: ``WireError`` if the system has no pipe or no thread left; the listener is not stopped then.
    package init(listener: Listener, _ make: @escaping @Sendable () -> Service) throws(WireError) {
        self.listener = listener
        do throws(RedisError) {
            wakeup = try Wakeup()
        } catch {
            throw WireError(error.message)
        }
        let loop = ServingLoop(thread: self, make: make)
        let thread: SystemThread
        do throws(SystemThread.Refusal) {
            thread = try SystemThread { loop.run() }
        } catch {
            throw WireError(
                "the system refused to start a thread: \(String(cString: strerror(error.number)))")
        }
        inbox.withLock { $0.thread = thread }
    }

    /// Runs `job` on the thread, before it waits again.
    package func submit(_ job: @escaping @Sendable (Service) -> Void) {
        inbox.withLock { $0.jobs.append(job) }
        wakeup.signal()
    }

    /// Ends the thread and waits for it: all connections are closed then.
    package func stop() {
        let thread = inbox.withLock { inbox in
            inbox.stopping = true
            return inbox.thread.take()
        }
        guard let thread else { return }
        wakeup.signal()
        thread.join()
    }

    /// The body of the thread.
    private struct ServingLoop: Sendable {
        let thread: WireThread
        let make: @Sendable () -> Service

        func run() {
            let service = make()
            while true {
                let (jobs, stopping) = thread.inbox.withLock { inbox in
                    defer { inbox.jobs = [] }
                    return (inbox.jobs, inbox.stopping)
                }
                for job in jobs { job(service) }
                let ends = service.ends
                for end in ends { end.flush() }
                if stopping {
                    thread.listener.stop()
                    for end in ends { end.close(reset: false) }
                    return
                }
                if ends.allSatisfy(\.isOpen) { wait(for: ends, service) }
            }
        }

        private func wait(for ends: [WireEnd], _ service: Service) {
            var descriptors = [
                pollfd(fd: thread.wakeup.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: thread.listener.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            // An end nobody waits for is left out, because poll reports a hang-up even if not asked to.
            descriptors += ends.map { end in
                pollfd(fd: end.interest == 0 ? -1 : end.descriptor, events: end.interest, revents: 0)
            }
            var timeout: Int32 = -1
            if let next = ends.compactMap(\.nextTime).min() {
                let left = (next - .now) / .milliseconds(1)
                timeout = Int32(max(0, min(left.rounded(.up), 1000)))
            }
            guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return }
            // Jobs submitted before these bytes were sent run before the bytes are taken.
            if descriptors[0].revents != 0 { return thread.wakeup.drain() }
            if descriptors[1].revents != 0 {
                while let accepted = thread.listener.accept() {
                    service.accepted(WireEnd(descriptor: accepted))
                }
            }
            for (end, state) in zip(ends, descriptors.dropFirst(2)) where state.revents != 0 {
                if state.revents & ~Int16(POLLOUT) != 0, end.receive() { service.received(end) }
            }
        }
    }
}
