// chronik._native: the embedded checkpoint store as Python sees it. Thin on purpose: chronik/embedded.py gives it its
// types and defaults. Every call into the store is made without the GIL, so threads of Python wait for the disk side by
// side.
#include <exception>
#include <string_view>

#include "convert.h"

namespace chronik::python {

namespace {

/// Python code called from inside the store: its exception is kept, the store is told to stop, and the caller raises
/// it.
class Callback {
 public:
  template <class Call>
  cp::Status run(const Call& call) {
    if (_Py_IsFinalizing() != 0) return std::unexpected(cp::Error{cp::Errc::closed, "the interpreter ends"});
    std::optional<py::gil_scoped_acquire> acquired;
    staying([&] { acquired.emplace(); });
    try {
      call();
      return {};
    } catch (const py::error_already_set&) {
      raised_ = std::current_exception();
    } catch (const py::cast_error&) {
      raised_ = std::make_exception_ptr(py::type_error("lines are bytes"));
    }
    return std::unexpected(cp::Error{cp::Errc::invalid_argument, "the caller's own code raised"});
  }
  void rethrow() const {
    if (raised_) std::rethrow_exception(raised_);
  }

 private:
  std::exception_ptr raised_;
};

void export_to(const cp::Session& session, const py::function& write, std::uint64_t since) {
  Callback callback;
  const auto sink = [&](std::string_view line) {
    return callback.run([&] { called(write.ptr(), py::make_tuple(py::bytes(line.data(), line.size()))); });
  };
  const cp::Status status = released([&] { return session.export_to(sink, since); });
  callback.rethrow();
  unwrap(status);
}

/// `next` returns a line as bytes, or None at the end.
py::tuple import_from(const cp::Store& store, const py::function& next) {
  Callback callback;
  const auto lines = [&]() -> cp::Result<std::optional<std::string>> {
    std::optional<std::string> line;
    const cp::Status status = callback.run([&] {
      const py::object given = called(next.ptr(), py::tuple());
      if (!given.is_none()) line = given.cast<py::bytes>();
    });
    if (!status) return std::unexpected(status.error());
    return line;
  };
  auto report = released([&] { return store.import_from(lines); });
  callback.rethrow();
  return to_python(unwrap(std::move(report)));
}

/// In slices, so that Ctrl-C ends the wait.
py::tuple wait_events(const cp::Session& session, std::uint64_t from, std::size_t limit, double timeout) {
  constexpr double kSlice = 0.25;
  for (double left = timeout;; left -= kSlice) {
    const auto slice = seconds(std::min(left, kSlice));
    auto page = released([&] { return session.wait_events(from, limit, slice); });
    if (page || page.error().code != cp::Errc::timed_out || left <= kSlice) return to_python(unwrap(std::move(page)));
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
}

/// A call that takes a checkpoint's id and gives something to convert.
template <auto Method>
auto by_id(const cp::Session& session, const std::string& id) {
  const auto parsed = checkpoint_id(id);
  return to_python(unwrap(released([&] { return (session.*Method)(parsed); })));
}

void define_session(py::module_& module) {
  py::class_<cp::Session>(module, "Session")
      .def("id", [](const cp::Session& s) { return cp::to_string(s.id()); })
      .def("describe", [](const cp::Session& s) { return to_python(unwrap(released([&] { return s.describe(); }))); })
      .def("create",
           [](const cp::Session& s, const py::bytes& payload, const py::dict& given) {
             const auto options = create_options(given);
             const std::string_view bytes = payload;
             return to_python(unwrap(released([&] { return s.create(bytes, options); })));
           })
      .def("fence", [](const cp::Session& s) { return unwrap(released([&] { return s.fence(); })); })
      .def("get", by_id<&cp::Session::get>)
      .def("at_sequence", [](const cp::Session& s,
                             std::uint64_t n) { return to_python(unwrap(released([&] { return s.at_sequence(n); }))); })
      .def("latest",
           [](const cp::Session& s, const std::string& branch) {
             return to_python(unwrap(released([&] { return s.latest(branch); })));
           })
      .def("as_of",
           [](const cp::Session& s, std::int64_t ms) {
             const cp::Time time{std::chrono::milliseconds(ms)};
             return to_python(unwrap(released([&] { return s.as_of(time); })));
           })
      .def("as_of_sequence",
           [](const cp::Session& s, std::uint64_t n) {
             return to_python(unwrap(released([&] { return s.as_of_sequence(n); })));
           })
      .def("list",
           [](const cp::Session& s, const py::dict& given) {
             const auto wanted = query(given);
             return to_python(unwrap(released([&] { return s.list(wanted); })));
           })
      .def("payload",
           [](const cp::Session& s, const std::string& id) {
             const auto parsed = checkpoint_id(id);
             return py::bytes(unwrap(released([&] { return s.payload(parsed); })));
           })
      .def("restore",
           [](const cp::Session& s, const std::string& id) {
             const auto parsed = checkpoint_id(id);
             const auto restored = unwrap(released([&] { return s.restore(parsed); }));
             return py::make_tuple(to_python(restored.checkpoint), py::bytes(restored.payload));
           })
      .def("rewind",
           [](const cp::Session& s, const std::string& id, const py::dict& given) {
             const auto parsed = checkpoint_id(id);
             const auto options = create_options(given);
             return to_python(unwrap(released([&] { return s.rewind(parsed, options); })));
           })
      .def("fork",
           [](const cp::Session& s, const std::string& id, const std::string& name) {
             const auto parsed = checkpoint_id(id);
             return unwrap(released([&] { return s.fork(parsed, name); }));
           })
      .def("diff",
           [](const cp::Session& s, const std::string& first, const std::string& second) {
             const auto one = checkpoint_id(first);
             const auto two = checkpoint_id(second);
             return to_python(unwrap(released([&] { return s.diff(one, two); })));
           })
      .def("tag",
           [](const cp::Session& s, const std::string& id, const std::vector<std::string>& add,
              const std::vector<std::string>& remove) {
             const auto parsed = checkpoint_id(id);
             return to_python(unwrap(released([&] { return s.tag(parsed, add, remove); })));
           })
      .def("annotate",
           [](const cp::Session& s, const std::string& id, int level, const std::string& text) {
             const auto parsed = checkpoint_id(id);
             return to_python(unwrap(released([&] { return s.annotate(parsed, cp::Level(level), text); })));
           })
      .def("pin",
           [](const cp::Session& s, const std::string& id, bool pinned) {
             const auto parsed = checkpoint_id(id);
             return to_python(unwrap(released([&] { return s.pin(parsed, pinned); })));
           })
      .def("remove",
           [](const cp::Session& s, const std::string& id) {
             const auto parsed = checkpoint_id(id);
             unwrap(released([&] { return s.remove(parsed); }));
           })
      .def("prune",
           [](const cp::Session& s, const py::dict& given, bool dry_run) {
             const auto keep = retention(given);
             return to_python(unwrap(released([&] { return s.prune(keep, dry_run); })));
           })
      .def("verify", [](const cp::Session& s) { return to_python(unwrap(released([&] { return s.verify(); }))); })
      .def("verify_one",
           [](const cp::Session& s, const std::string& id) {
             const auto parsed = checkpoint_id(id);
             return to_python(unwrap(released([&] { return s.verify(parsed); })));
           })
      .def("events",
           [](const cp::Session& s, std::uint64_t from, std::size_t limit) {
             return to_python(unwrap(released([&] { return s.events(from, limit); })));
           })
      .def("wait_events", wait_events)
      .def("export_to", export_to);
}

using Opener = cp::Result<cp::Store> (*)(const std::string&, const cp::Options&);

template <Opener Open>
cp::Store open(const std::string& where, const py::dict& given) {
  const auto options = store_options(given);
  return unwrap(released([&] { return Open(where, options); }));
}

void define_store(py::module_& module) {
  module.def("open_memory", [](const py::dict& given) {
    const auto options = store_options(given);
    return unwrap(released([&] { return cp::Store::in_memory(options); }));
  });
  module.def("open_sqlite", open<&cp::Store::sqlite>);
  module.def("open_log", open<&cp::Store::open>);
  py::class_<cp::Store>(module, "Store")
      .def("create_session",
           [](const cp::Store& s, const std::string& name, const std::string& metadata) {
             return unwrap(released([&] { return s.create_session(name, metadata); }));
           })
      .def("session",
           [](const cp::Store& s, const std::string& name) {
             return unwrap(released([&] { return s.session(std::string_view(name)); }));
           })
      .def("open_session",
           [](const cp::Store& s, const std::string& name) {
             return unwrap(released([&] { return s.open_session(name); }));
           })
      .def("list_sessions",
           [](const cp::Store& s, const std::string& after, std::size_t limit) {
             return to_python(unwrap(released([&] { return s.list_sessions(after, limit); })));
           })
      .def("rename_session",
           [](const cp::Store& s, const std::string& name, const std::string& to) {
             unwrap(released([&] { return s.rename_session(name, to); }));
           })
      .def("delete_session", [](const cp::Store& s,
                                const std::string& name) { unwrap(released([&] { return s.delete_session(name); })); })
      .def("rotate_key",
           [](const cp::Store& s, const py::bytes& key) {
             const std::string bytes = key;
             unwrap(released([&] { return s.rotate_key(bytes); }));
           })
      .def("timeline",
           [](const cp::Store& s, const py::dict& given) {
             const auto wanted = query(given);
             return to_python(unwrap(released([&] { return s.timeline(wanted); })));
           })
      .def("scrub_report",
           [](const cp::Store& s) { return to_python(unwrap(released([&] { return s.scrub_report(); }))); })
      .def("verify", [](const cp::Store& s) { return to_python(unwrap(released([&] { return s.verify(); }))); })
      .def("compact", [](const cp::Store& s) { return unwrap(released([&] { return s.compact(); })); })
      .def("health", [](const cp::Store& s) { return to_python(unwrap(released([&] { return s.health(); }))); })
      .def("import_from", import_from)
      .def("close", [](const cp::Store& s) { unwrap(released([&] { return s.close(); })); });
}

}  // namespace

}  // namespace chronik::python

PYBIND11_MODULE(_native, module) {
  module.doc() = "The embedded checkpoint store of Chronik; use it through chronik.open.";
  chronik::python::find_errors();
  chronik::python::define_session(module);
  chronik::python::define_store(module);
}
