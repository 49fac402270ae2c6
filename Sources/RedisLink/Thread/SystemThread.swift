#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An operating system thread, which may block for as long as it likes, unlike those of Swift's pool. It must
/// be detached or joined, once.
package struct SystemThread {
    /// The system refused to start a thread. The number is an `errno`.
    package struct Refusal: Error {
        package let number: Int32
    }

    private let thread: pthread_t

    /// Starts a thread that ends with `body`.
    ///
    /// - Throws: ``Refusal``. Foundation's `Thread` reports nothing in this case, and anything that waits for
    ///   the thread waits forever.
    package init(_ body: @escaping @Sendable () -> Void) throws(Refusal) {
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        #if canImport(Glibc)
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                {
                    Unmanaged<Box>.fromOpaque($0!).takeRetainedValue().body()
                    return nil
                }, box)
        #else
            var thread: pthread_t!
            let result = pthread_create(
                &thread, nil,
                {
                    Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body()
                    return nil
                }, box)
        #endif
        guard result == 0 else {
            Unmanaged<Box>.fromOpaque(box).release()
            throw Refusal(number: result)
        }
        self.thread = thread
    }

    /// Lets it end by itself.
    package func detach() {
        pthread_detach(thread)
    }

    /// Waits until it has ended.
    package func join() {
        pthread_join(thread, nil)
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }
}
