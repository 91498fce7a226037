package rpc

import (
	"encoding/json"
	"math"
)

// Use is what a command does with a file that its user names.
type Use int

// The uses. What is not there is no use.
const (
	ReadFile Use = iota + 1 // read it, from its beginning to its end
	MakeFile                // make it, or write to it if it is a pipe
)

// filePath is the name of the parameter, the first of its command, that is a path.
const filePath = "path"

// fileUses are the commands that use a file. They are told here and not in the tables
// that parts announce: one in a stranger's hands must not choose which of a user's words
// names a file to be opened.
var fileUses = map[string]Use{"dumptxoutset": MakeFile, "loadtxoutset": ReadFile}

// FileUse returns what a command does with a file, 0 if nothing.
func FileUse(command string) Use { return fileUses[command] }

// Path returns the path among the parameters of a command that uses a file; false if
// there is none, which is for the command to say.
func Path(params []byte) (path string, given bool) {
	positional, named, err := splitParams(params)
	if err != nil {
		return "", false
	}
	arg := named[filePath]
	if len(positional) > 0 {
		arg = positional[0]
	}
	if arg == nil || typeOf(arg) != String {
		return "", false
	}
	return path, json.Unmarshal(arg, &path) == nil
}

// NoFile is the File of a request whose file could not be opened.
const NoFile = math.MaxUint64
