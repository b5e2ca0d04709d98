import com.helger.diver.api.coord.DVRCoordinate;
import com.helger.io.resource.FileSystemResource;
import com.helger.phive.api.execute.ValidationExecutionManager;
import com.helger.phive.api.executorset.ValidationExecutorSetRegistry;
import com.helger.phive.api.validity.IValidityDeterminator;
import com.helger.phive.en16931.EN16931Validation;
import com.helger.phive.peppol.PeppolValidation;
import com.helger.phive.xml.source.IValidationSourceXML;
import com.helger.phive.xml.source.ValidationSourceXML;
import com.helger.phive.xrechnung.XRechnungValidation;
import com.helger.phive.zugferd.ZugferdValidation;
import java.io.File;
import java.util.Locale;

/** Arguments: rules and file, any number of pairs. Prints a line `file TAB layers that ran TAB findings` for each. */
public class Validate {
  public static void main(String[] pairs) throws Exception {
    var registry = new ValidationExecutorSetRegistry<IValidationSourceXML>();
    EN16931Validation.initEN16931(registry);
    PeppolValidation.initStandard(registry);
    XRechnungValidation.initXRechnung(registry);
    ZugferdValidation.initZugferd(registry);
    for (int at = 0; at < pairs.length; at += 2) {
      var rules = registry.getOfID(DVRCoordinate.parseOrThrow(pairs[at]));
      var source = ValidationSourceXML.create(new FileSystemResource(new File(pairs[at + 1])));
      var results = ValidationExecutionManager.executeValidation(
          IValidityDeterminator.createDefault(), rules, source, Locale.ENGLISH);
      var ran = results.stream().filter(result -> !result.isSkipped()).count();
      var line = new StringBuilder(pairs[at + 1] + "\t" + ran);
      // Without an id it is Saxon that remarks on a stylesheet, when it meets it first.
      results.forEachFlattened(found -> found.isError() || found.hasErrorID(), found -> line.append("\t").append(
          (found.getErrorLevel().getID() + " " + found.getErrorID() + " " + found.getErrorText(Locale.ENGLISH)).replaceAll("\\s+", " ")));
      System.out.println(line);
    }
  }
}
