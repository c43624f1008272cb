// What crosses between the store's C++ and Python: results as tuples in the order of the dataclasses of
// chronik/model.py, options from dictionaries, errors as the exceptions of chronik/errors.py. All of it needs the GIL,
// but for released().
#pragma once

#include <chronik/checkpoint.h>
#include <cxxabi.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <new>
#include <optional>
#include <string>
#include <utility>

namespace chronik::python {

namespace py = pybind11;
namespace cp = chronik::checkpoint;

/// Once, before anything is raised.
void find_errors();
/// Raises the class of chronik.errors that stands for the code.
[[noreturn]] void raise(const cp::Error& error);

template <class T>
T unwrap(cp::Result<T> result) {
  if (!result) raise(result.error());
  return *std::move(result);
}
inline void unwrap(const cp::Status& status) {
  if (!status) raise(status.error());
}

/// What `call` returns; it may take the GIL. Once the interpreter ends, Python takes a daemon thread that wants the GIL
/// down by unwinding its stack, and the destructors on the way would let go of objects without the GIL. Such a thread
/// stays here until the process is gone, as Python itself makes it do since 3.14 (gh-87135).
template <class Call>
auto staying(const Call& call) {
  try {
    return call();
  } catch (const abi::__forced_unwind&) {
    for (;;) pause();
  }
}

/// What a function of Python returns; error_already_set if it raises.
py::object called(PyObject* function, const py::tuple& arguments);

/// What `call` returns, run without the GIL.
template <class Call>
auto released(const Call& call) {
  PyThreadState* const thread = PyEval_SaveThread();
  const auto take_back = [&] { staying([&] { PyEval_RestoreThread(thread); }); };
  const auto guarded = [&] {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      take_back();
      throw;
    }
  };
  auto result = guarded();
  take_back();
  return result;
}

py::tuple to_python(const cp::Checkpoint& checkpoint);
py::tuple to_python(const cp::SessionInfo& info);
py::tuple to_python(const cp::Page& page);
py::tuple to_python(const cp::TimelinePage& page);
py::tuple to_python(const cp::SessionPage& page);
py::tuple to_python(const cp::Difference& difference);
py::tuple to_python(const cp::PruneReport& report);
py::tuple to_python(const cp::VerifyReport& report);
py::tuple to_python(const cp::EventPage& page);
py::tuple to_python(const cp::Health& health);
py::tuple to_python(const cp::ImportReport& report);

/// Malformed: InvalidArgument.
cp::CheckpointId checkpoint_id(const std::string& text);
/// Seconds, kept within what a deadline can hold.
cp::Duration seconds(double value);

/// Keys are the names in the C++ structs; what is absent keeps its default. TypeError names the key of a wrong value.
cp::Options store_options(const py::dict& given);
cp::CreateOptions create_options(const py::dict& given);
cp::Query query(const py::dict& given);
cp::Retention retention(const py::dict& given);

}  // namespace chronik::python
