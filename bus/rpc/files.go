package rpc

import (
	"encoding/json"
	"math"
)

// Use is what a command does with a file that its user names.
type Use int

// The uses. What is not there is no use.
const (
	ReadFile    Use = iota + 1 // read it, from its beginning to its end
	MakeFile                   // make it, or write to it if it is a pipe
	ReplaceFile                // make it anew in place of the one of this name
)

// filePaths are the names of the parameter, the first of its command, that is a path.
var filePaths = []string{"path", "filepath"}

// fileUses are the commands that use a file. They are told here and not in the tables
// that parts announce: one in a stranger's hands must not choose which of a user's words
// names a file to be opened.
var fileUses = map[string]Use{"dumptxoutset": MakeFile, "loadtxoutset": ReadFile, "importmempool": ReadFile, "savemempool": ReplaceFile}

// fixedPaths are of commands whose file has always the same name, in the chain's folder.
var fixedPaths = map[string]string{"savemempool": "mempool.dat"}

// FileUse returns what a command does with a file, 0 if nothing.
func FileUse(command string) Use { return fileUses[command] }

// Path returns the path that a command uses, which is among its parameters or always the
// same; false if there is none, which is for the command to say.
func Path(command string, params []byte) (path string, given bool) {
	if path, given = fixedPaths[command]; given {
		return path, true
	}
	positional, named, err := splitParams(params)
	if err != nil {
		return "", false
	}
	var arg json.RawMessage
	for _, name := range filePaths {
		if named[name] != nil {
			arg = named[name]
		}
	}
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
